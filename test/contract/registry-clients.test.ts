import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Clients, composeClients } from "../../src/compose/clients.ts";
import { openRegistryStore } from "../../src/compose/registry-store.ts";
import { type Config, configSchema } from "../../src/config/schema.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { ClientOptions } from "../../src/model/client-options.ts";
import { parseCertificate } from "../../src/pki/certificate.ts";
import type { VerifiedPath } from "../../src/pki/verified-path.ts";
import { defaultPathRules, verifyPath } from "../../src/pki/verify-path.ts";
import { createCrlIndex } from "../../src/pki/revocation.ts";
import { decide } from "../../src/policy/decide.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { testPki } from "../support/test-pki.ts";
import type { Target } from "../../src/model/target.ts";

const folder = mkdtempSync(join(tmpdir(), "certgate-clients-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const now = Date.now();
const paths: Record<string, VerifiedPath> = {};
beforeAll(async () => {
  const { root, intermediate } = await testPki();
  const certificates = {
    press: { subject: "CN=press,OU=Line 3", subjectAltNames: [{ type: "dns", value: "press.a.example" }] },
    crane: {
      subject: "CN=crane",
      subjectAltNames: [{ type: "url", value: "spiffe://plant.example/line-3/crane" }],
    },
    other: { subject: "CN=other" },
  } as const;
  for (const [name, options] of Object.entries(certificates)) {
    const issued = await intermediate.issue(options);
    const verdict = verifyPath({
      leaf: issued.certificate,
      candidates: issued.chain.slice(1),
      anchors: [parseCertificate(root.certificate)],
      at: now,
      rules: defaultPathRules,
      revocation: { mode: "off", graceMs: 0, crls: createCrlIndex([]) },
    });
    if (!verdict.allowed) throw new Error(verdict.detail);
    paths[name] = verdict.value;
  }
});
const path = (name: string): VerifiedPath => paths[name]!;

let files = 0;
type Maker = (clients: readonly ClientOptions[]) => Promise<Clients>;

const configOf = (extra: object): Config =>
  configSchema.parse({
    listen: { certificate: { file: "x" } },
    trust: { anchors: [{ file: "x" }] },
    credentials: {},
    backends: {},
    deployments: { "gpt-4o": { backend: "b" }, embed: { backend: "b" } },
    roles: { line: { deployments: ["embed"] } },
    ...extra,
  });

async function started(config: Config): Promise<Clients> {
  const clients = composeClients(config, new ManualClock(now), silentLogger);
  onTestFinished(() => clients.stop());
  await clients.start();
  return clients;
}

const makers: Record<string, Maker> = {
  "the configuration": (clients) =>
    started(configOf({ clients: Object.fromEntries(clients.map(({ name, ...client }) => [name, client])) })),
  "a registry": (clients) => {
    const file = join(folder, `${(files += 1)}.sqlite`);
    const store = openRegistryStore(file, "write or create");
    store.change((change) => {
      for (const client of clients) change.put(client);
    });
    store.close();
    return started(configOf({ registry: { file } }));
  },
};

describe.each(Object.entries(makers))("clients of %s", (_, make) => {
  const rights = { deployments: ["gpt-4o"], operations: ["inference" as const] };
  const match = async (clients: readonly ClientOptions[], name: string, at = now) =>
    (await make(clients)).map().match(path(name), at);

  it("are found by a thumbprint", async () => {
    const clients = [{ name: "c", thumbprints: [path("other").leaf.sha256], ...rights }];
    expect(await match(clients, "other")).toMatchObject({ value: { entry: { name: "c" } } });
    expect(await match(clients, "press")).toMatchObject({ code: "client_unknown" });
  });

  it("are found by a thumbprint until its end", async () => {
    const ending = { thumbprint: path("other").leaf.sha256, until: new Date(now).toISOString() };
    const clients = [{ name: "c", thumbprints: [ending], ...rights }];
    expect(await match(clients, "other", now - 1)).toMatchObject({ value: { validUntil: now } });
    expect(await match(clients, "other", now)).toMatchObject({ code: "client_unknown" });
  });

  it.each([
    ["press", { sanDns: "*.a.example" }],
    ["press", { subject: { organizationalUnit: "line 3" } }],
    ["crane", { sanUri: "spiffe://plant.example/*/crane" }],
    ["other", { issuer: { subject: "cn=test intermediate ca" }, subject: { commonName: "OTHER" } }],
  ])("are found by a rule about %s: %j", async (name, rule) => {
    const clients = [{ name: "c", match: [rule], ...rights }];
    expect(await match(clients, name)).toMatchObject({ value: { entry: { name: "c" } } });
  });

  it("are not found by a rule about another CA", async () => {
    const rule = { subject: { commonName: "other" }, issuer: { subject: "CN=Test Root CA" } };
    expect(await match([{ name: "c", match: [rule], ...rights }], "other")).toMatchObject({
      code: "client_unknown",
    });
  });

  it("are denied where two of them match", async () => {
    const clients: ClientOptions[] = [
      { name: "c", match: [{ sanDns: "press.a.example" }], ...rights },
      { name: "d", match: [{ subject: { commonName: "press" } }], ...rights },
    ];
    expect(await match(clients, "press")).toMatchObject({ code: "client_ambiguous" });
  });

  it("have their own rights and those of their roles, within their limits", async () => {
    const clients = [
      {
        name: "c",
        thumbprints: [path("other").leaf.sha256],
        ...rights,
        roles: ["line"],
        sourceNetworks: ["10.0.0.0/8"],
      },
    ];
    const matched = await match(clients, "other");
    if (!matched.allowed) throw new Error(matched.detail);
    const target: Target = {
      operation: "embeddings",
      group: "inference",
      deployments: ["gpt-4o", "embed"],
      objects: [],
      path: "/openai/v1/embeddings",
      query: "",
      headers: [],
      stream: false,
      retryable: true,
    };
    const from = (remoteAddress: string) =>
      decide(matched.value.entry, target, { at: now, remoteAddress }).allowed;
    expect([from("10.1.2.3"), from("11.1.2.3")]).toEqual([true, false]);
  });

  it("may be none", async () => {
    expect(await match([], "other")).toMatchObject({ code: "client_unknown" });
  });
});
