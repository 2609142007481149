import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openRegistryStore } from "../../src/compose/registry-store.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import type { ClientOptions } from "../../src/model/client-options.ts";
import type { RegistryChange } from "../../src/registry/ports.ts";
import { begin } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "certgate-grants-"));
const registry = join(folder, "clients.sqlite");
let pki: TestPki;
let world: World;
let app: Server;
const certificates: Record<string, IssuedCertificate> = {};
const certificate = (name: string): IssuedCertificate => certificates[name]!;

/** Changes the registry as `certgate client` does. */
function change(run: (change: RegistryChange) => void): void {
  const store = openRegistryStore(registry, "write or create");
  store.change(run);
  store.close();
}
const registered = (name: string, change_: Partial<ClientOptions> = {}): ClientOptions => ({
  name,
  thumbprints: [certificate(name).thumbprint],
  deployments: ["gpt-test"],
  routes: ["app"],
  ...change_,
});
/** A weekday three days away. */
const farDay = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getUTCDay() + 3) % 7];

beforeAll(async () => {
  pki = await createTestPki();
  const names = {
    fleet: [{ type: "dns", value: "one.devices.example" }],
    both: [
      { type: "dns", value: "two.devices.example" },
      { type: "url", value: "spiffe://plant.example/two" },
    ],
    away: [],
    asleep: [],
    shared: [],
    known: [],
    late: [],
    removed: [],
    rotated: [],
    ending: [],
  } as const;
  for (const [name, subjectAltNames] of Object.entries(names))
    certificates[name] = await pki.intermediate.issue({ subject: `CN=${name}`, subjectAltNames });
  app = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    // An endless stream: only the other side ends it.
    const timer = setInterval(() => response.write("data: tick\n\n"), 20);
    response.once("close", () => clearInterval(timer));
  });
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  change((to) => {
    for (const name of ["known", "removed", "rotated", "ending"]) to.put(registered(name));
  });
  world = await startWorld({
    pki,
    configure(config) {
      const { port } = app.address() as AddressInfo;
      config["backends"].app = {
        endpoint: `https://localhost:${port}`,
        credential: "gateway",
        caFile: "root.pem",
      };
      config["routes"] = { app: { kind: "http", path: "/app/", backend: "app" } };
      config["roles"] = { chat: { deployments: ["gpt-other"], sourceNetworks: ["127.0.0.0/8", "::1"] } };
      const own = (name: string) => ({
        thumbprints: [certificate(name).thumbprint],
        deployments: ["gpt-test"],
      });
      config["clients"] = {
        fleet: { match: [{ sanDns: "*.devices.example" }], deployments: ["gpt-test"] },
        uris: { match: [{ sanUri: "spiffe://plant.example/*" }], deployments: ["gpt-test"] },
        away: { ...own("away"), sourceNetworks: ["192.0.2.0/24"] },
        asleep: {
          ...own("asleep"),
          hours: [{ days: [farDay], from: "00:00", to: "24:00", timeZone: "UTC" }],
        },
        shared: { ...own("shared"), roles: ["chat"] },
      };
      config["registry"] = { file: registry, pollSeconds: 0.05 };
    },
  });
});
afterAll(async () => {
  await world.stop();
  app.close();
  app.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

/** The stream is cut, which is an error to its reader: that is what is waited for. */
function closed(answer: IncomingMessage): Promise<void> {
  answer.on("error", () => {});
  return new Promise((resolve) => {
    answer.once("close", () => resolve());
  });
}

const chat = (model: string) => ({
  path: "/openai/v1/chat/completions",
  body: { model, messages: [{ role: "user", content: "x" }] },
});
/** The status, and the reason where there is one. */
async function outcome(name: string, model = "gpt-test"): Promise<string> {
  const { status, headers } = await world.ask(chat(model), certificate(name));
  return [status, headers["x-certgate-reason"]].filter((part) => part !== undefined).join(" ");
}

describe("a grant", () => {
  it("is found by a rule about the certificate's names", async () => {
    expect(await outcome("fleet")).toBe("200");
  });

  it("is refused to a certificate that meets the rules of two clients", async () => {
    expect(await outcome("both")).toBe("403 client_ambiguous");
  });

  it("is bound to its networks", async () => {
    expect(await outcome("away")).toBe("403 operation_not_permitted");
  });

  it("is bound to its hours", async () => {
    expect(await outcome("asleep")).toBe("403 operation_not_permitted");
  });

  it("comes from the client's own list and from its roles", async () => {
    expect([await outcome("shared"), await outcome("shared", "gpt-other")]).toEqual(["200", "200"]);
  });

  it("holds inference only where no operations are named", async () => {
    const { status, headers } = await world.ask(
      { path: "/openai/v1/fine_tuning/jobs" },
      certificate("shared"),
    );
    expect([status, headers["x-certgate-reason"]]).toEqual([403, "operation_not_permitted"]);
  });
});

describe("the registry", () => {
  it("has clients beside those of the configuration", async () => {
    expect([await outcome("known"), await outcome("late")]).toEqual(["200", "403 client_unknown"]);
  });

  it("lets a client in while the gateway runs", async () => {
    change((to) => to.put(registered("late")));
    await vi.waitFor(async () => expect(await outcome("late")).toBe("200"), { timeout: 10_000 });
  });

  it("ends the running stream of a client that is removed", async () => {
    const answer = await begin(
      { port: world.certgate.port, ca: pki.root.pem, client: certificate("removed") },
      { path: "/app/stream" },
    );
    await once(answer, "data");
    const ended = closed(answer);
    answer.resume();
    change((to) => to.remove("removed"));
    await ended;
    expect(answer.complete).toBe(false);
    expect(await outcome("removed")).toBe("403 client_unknown");
  });

  it("ends the running stream of a certificate whose time is over", async () => {
    const answer = await begin(
      { port: world.certgate.port, ca: pki.root.pem, client: certificate("ending") },
      { path: "/app/stream" },
    );
    await once(answer, "data");
    const ended = closed(answer);
    answer.resume();
    const until = new Date(Date.now() + 1000).toISOString();
    const thumbprints = [{ thumbprint: certificate("ending").thumbprint, until }];
    change((to) => to.put(registered("ending", { thumbprints })));
    await ended;
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect(await outcome("ending")).toBe("403 client_unknown");
  });

  it("denies a name that the configuration has too, and no other", async () => {
    change((to) => {
      to.remove("rotated");
      to.put({ ...registered("rotated"), name: "shared" });
    });
    await vi.waitFor(async () => expect(await outcome("shared")).toBe("403 client_ambiguous"), {
      timeout: 10_000,
    });
    expect([await outcome("fleet"), await outcome("known")]).toEqual(["200", "200"]);
    change((to) => to.remove("shared"));
    await vi.waitFor(async () => expect(await outcome("shared")).toBe("200"), { timeout: 10_000 });
  });

  it("is kept as it was when its file is gone, and readiness says so", async () => {
    rmSync(registry);
    await vi.waitFor(
      async () => expect(await (await world.admin("/readyz")).text()).toContain("is not there"),
      {
        timeout: 10_000,
      },
    );
    expect(await outcome("known")).toBe("200");
  });
});
