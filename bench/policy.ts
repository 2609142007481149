import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRegisteredClients, type RegisteredClients } from "../src/compose/registered-clients.ts";
import { openRegistryStore } from "../src/compose/registry-store.ts";
import { configSchema } from "../src/config/schema.ts";
import type { ClientOptions } from "../src/model/client-options.ts";
import type { Target } from "../src/model/target.ts";
import type { SelectorView } from "../src/pki/selector/selector-view.ts";
import { wildcardsOf } from "../src/pki/selector/selector-view.ts";
import type { CallerIdentity } from "../src/policy/client-index.ts";
import { matchIdentity } from "../src/policy/client-map.ts";
import { decide } from "../src/policy/decide.ts";
import { sqliteRegistryReader } from "../src/registry/adapters/sqlite-reader.ts";
import { type Measurement, rateOf, rounded, watchStalls } from "./measurement.ts";

const config = configSchema.parse({
  listen: { certificate: { file: "none" } },
  trust: { anchors: [{ file: "none" }] },
  credentials: {},
  backends: {},
  deployments: { "gpt-4o": { backend: "none" }, embed: { backend: "none" } },
  roles: { line: { deployments: ["embed"], sourceNetworks: ["10.0.0.0/8", "2001:db8::/32"] } },
});

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const rights = { deployments: ["gpt-4o"], roles: ["line"], operations: ["inference" as const] };
const issuer = digest("the issuing CA");

/** Two fleets: one that is known by thumbprints, and one by names below one CA. */
const fleets: Readonly<Record<string, (index: number) => ClientOptions>> = {
  thumbprints: (index) => ({ name: `device-${index}`, thumbprints: [digest(`${index}`)], ...rights }),
  rules: (index) => ({
    name: `device-${index}`,
    match: [{ sanUri: `spiffe://plant.example/device/${index}`, issuer: { spkiSha256: issuer } }],
    ...rights,
  }),
};
const identityOf = (index: number): CallerIdentity => ({
  sha256: digest(`${index}`),
  sha1: "0".repeat(40),
  names: viewOf({ uri: [`spiffe://plant.example/device/${index}`], "issuer-spki": [issuer] }),
});
const viewOf = (names: Readonly<Record<string, readonly string[]>>): SelectorView => ({
  values: (field, form) => {
    const exact = names[field] ?? [];
    return form === "exact" ? exact : exact.flatMap((value) => wildcardsOf(field, value));
  },
});

/** A registry of a million clients: written, loaded, changed, and asked. */
export async function benchPolicy(quick: boolean): Promise<Measurement[]> {
  const count = quick ? 2000 : 1_000_000;
  const folder = await mkdtemp(join(tmpdir(), "certgate-bench-"));
  try {
    const measurements: Measurement[] = [];
    for (const [fleet, client] of Object.entries(fleets))
      measurements.push(
        ...(await benchFleet(`${count} clients by ${fleet}`, join(folder, fleet), count, client, quick)),
      );
    return measurements;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function benchFleet(
  what: string,
  file: string,
  count: number,
  client: (index: number) => ClientOptions,
  quick: boolean,
): Promise<Measurement[]> {
  const store = openRegistryStore(file, "write or create");
  const writing = performance.now();
  store.change((change) => {
    for (let index = 0; index < count; index += 1) change.put(client(index));
  });
  const written = performance.now() - writing;

  const reader = sqliteRegistryReader(file);
  const load = createRegisteredClients(config);
  const before = heapMiB();
  const [first, loaded] = await timed(async () => {
    await reader.changed();
    const reading = reader.read();
    return { version: reading.version, clients: await whole(load(reading, undefined)) };
  });
  const after = heapMiB();

  store.change((change) => change.put({ ...client(count), name: "one-more" }));
  const [changed, delta] = await timed(async () => {
    await reader.changed();
    return whole(load(reader.read(first.version), first.clients));
  });
  store.close();
  reader.close();

  const at = Date.now();
  const minimumMs = quick ? 20 : 1000;
  const known = Array.from({ length: 1024 }, (_, index) => identityOf(Math.floor((index * count) / 1024)));
  const strangers = Array.from({ length: 1024 }, (_, index) => identityOf(count + 1 + index));
  const ask = (identities: readonly CallerIdentity[], allowed: boolean) => {
    let turn = 0;
    return rateOf(() => {
      const identity = identities[(turn += 1) & 1023] as CallerIdentity;
      if (matchIdentity(identity, at, changed.indexes).allowed !== allowed)
        throw new Error("the wrong answer");
    }, minimumMs);
  };
  const matched = matchIdentity(known[0] as CallerIdentity, at, changed.indexes);
  if (!matched.allowed) throw new Error(matched.detail);
  const { entry } = matched.value;
  const target: Target = {
    operation: "embeddings",
    group: "inference",
    deployments: ["embed"],
    objects: [],
    path: "/openai/v1/embeddings",
    query: "",
    headers: [],
    stream: false,
    retryable: true,
  };
  const circumstances = { at, remoteAddress: "::ffff:10.1.2.3" };
  return [
    { what: `${what}: written to the registry`, values: { ms: Math.round(written) } },
    { what: `${what}: loaded`, values: { ...loaded, "heap MiB": rounded(after - before) } },
    { what: `${what}: one more while they are in use`, values: delta },
    { what: `${what}: a known certificate`, values: ask(known, true) },
    { what: `${what}: an unknown certificate`, values: ask(strangers, false) },
    {
      what: `${what}: a decision by a role with networks`,
      values: rateOf(() => {
        if (!decide(entry, target, circumstances).allowed) throw new Error("the wrong answer");
      }, minimumMs),
    },
  ];
}

async function timed<T>(run: () => Promise<T>): Promise<[T, Record<string, number>]> {
  const stalls = watchStalls();
  const start = performance.now();
  const cpu = process.threadCpuUsage();
  const value = await run();
  const ms = rounded(performance.now() - start);
  const { user, system } = process.threadCpuUsage(cpu);
  return [value, { ms, "processor ms": rounded((user + system) / 1000), ...stalls() }];
}

async function whole(loading: Promise<RegisteredClients | "read it all">): Promise<RegisteredClients> {
  const outcome = await loading;
  if (outcome === "read it all") throw new Error("one change was too many");
  if (outcome.problems.length > 0) throw new Error(outcome.problems[0]);
  return outcome;
}

function heapMiB(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
