import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FleetConfiguration } from "../../../src/compose/fleet-configuration.ts";
import type { ReloadOutcome } from "../../../src/compose/reload.ts";
import type { SharedOrigins } from "../../../src/compose/shared-origins.ts";
import type { ConfigOutcome } from "../../../src/config/load.ts";
import { type Config, configSchema } from "../../../src/config/schema.ts";
import { fingerprint } from "../../../src/compose/kept-parts.ts";
import type { WorkerProcess } from "../../../src/supervisor/worker-process.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const configOf = (refreshSeconds: number): Config =>
  configSchema.parse({
    listen: { certificate: { file: "none" } },
    trust: { anchors: [{ file: "none" }], refreshSeconds },
    credentials: {},
    backends: {},
    deployments: {},
  });
const [first, second, third] = [configOf(1000), configOf(2000), configOf(3000)];

const applied: ReloadOutcome = { outcome: "applied", version: "" };
const refused = (reason: string): ReloadOutcome => ({ outcome: "refused", version: "", reason });

/** A worker that answers reloads as the test says, and remembers what it was told and how it was ended. */
function scriptedWorker(answer: (config: Config) => ReloadOutcome | Promise<ReloadOutcome>) {
  const told: Config[] = [];
  const stops: number[] = [];
  const worker = {
    pid: 1,
    calls: {
      async call(_name: string, config: Config) {
        told.push(config);
        return answer(config);
      },
    },
    stop: (graceMs: number) => stops.push(graceMs),
  } as unknown as WorkerProcess;
  return { worker, told, stops };
}

async function setUp(workers: () => readonly WorkerProcess[]) {
  const log = { ...createRecordingLogger(), setLevel() {}, async flush() {} };
  let next: ConfigOutcome = { ok: true, config: first, problems: [] };
  const made: string[] = [];
  let refusals = 0;
  const configuration = await FleetConfiguration.begin(first, {
    clock: new ManualClock(),
    log,
    load: async () => next,
    workers,
    onRefused: () => (refusals += 1),
    origins: async (config) => {
      const name = String(config.trust.refreshSeconds);
      made.push(name);
      return { answer: async () => name } as unknown as SharedOrigins;
    },
  });
  const question = { kind: "secret", vault: "main", name: "roots" } as const;
  return {
    log,
    configuration,
    made,
    refusals: () => refusals,
    reload: (config: Config) => {
      next = { ok: true, config, problems: [] };
      return configuration.reload();
    },
    loads: (outcome: ConfigOutcome) => (next = outcome),
    ask: (config: Config) => configuration.answer({ version: fingerprint(config), question }),
  };
}

describe("the configuration of all workers", () => {
  it("is in force when every worker has taken it, and their questions are answered by its own names", async () => {
    const workers = [scriptedWorker(() => applied), scriptedWorker(() => applied)];
    const { configuration, reload, ask } = await setUp(() => workers.map(({ worker }) => worker));
    expect(await reload(second)).toEqual({ outcome: "applied", version: fingerprint(second) });
    expect(configuration.current).toBe(second);
    expect(workers.map(({ told }) => told)).toEqual([[second], [second]]);
    // Exchanges under way still rest on the one before.
    expect([await ask(first), await ask(second)]).toEqual(["1000", "2000"]);
    await expect(ask(third)).rejects.toThrow("this configuration is not in force any more");
  });

  it("goes back in all workers when one refuses it", async () => {
    const willing = scriptedWorker(() => applied);
    const refusing = scriptedWorker((config) => (config === second ? refused("no such file") : applied));
    const { configuration, reload, refusals } = await setUp(() => [willing.worker, refusing.worker]);
    expect(await reload(second)).toMatchObject({ outcome: "refused", reason: "no such file" });
    expect(configuration.current).toBe(first);
    expect(willing.told).toEqual([second, first]);
    expect(refusals()).toBe(1);
    expect(configuration.readiness()).toMatchObject([
      { ok: true, detail: expect.stringContaining("was refused: no such file") },
    ]);
  });

  it("says why it was refused without the secrets that the reason quotes", async () => {
    const { worker } = scriptedWorker(() => refused("the proxy answers 407 to Bearer 0123456789abcdef"));
    const { configuration, reload } = await setUp(() => [worker]);
    const reason = "the proxy answers 407 to Bearer [redacted]";
    expect(await reload(second)).toMatchObject({ reason });
    expect(configuration.readiness()).toMatchObject([{ detail: expect.stringContaining(reason) }]);
  });

  it("ends a worker that cannot go back, so that its successor begins with what is in force", async () => {
    const stuck = scriptedWorker((config) => (config === first ? refused("the vault is down") : applied));
    const refusing = scriptedWorker((config) => (config === second ? refused("no") : applied));
    const { reload, log } = await setUp(() => [stuck.worker, refusing.worker]);
    await reload(second);
    expect([stuck.stops, refusing.stops]).toEqual([[20_000], []]);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ message: "a worker cannot follow; it is started anew" }),
    );
  });

  it("is told to a worker that was started in the meantime, and one that refuses it then is started anew", async () => {
    const late = scriptedWorker(() => refused("the vault is down"));
    const workers: WorkerProcess[] = [];
    const early = scriptedWorker(() => {
      workers.push(late.worker);
      return applied;
    });
    workers.push(early.worker);
    const { configuration, reload } = await setUp(() => [...workers]);
    expect(await reload(second)).toMatchObject({ outcome: "applied" });
    await settle();
    expect([late.told, late.stops]).toEqual([[second], [20_000]]);
    expect(configuration.current).toBe(second);
  });

  it("does not wait for a worker that ends over it", async () => {
    const dying = scriptedWorker(async () => Promise.reject(new Error("the worker is gone")));
    const other = scriptedWorker(() => applied);
    const { reload } = await setUp(() => [dying.worker, other.worker]);
    expect(await reload(second)).toMatchObject({ outcome: "applied" });
  });

  it("stays when the file is broken, and no worker hears of it", async () => {
    const { worker, told } = scriptedWorker(() => applied);
    const { configuration, loads, refusals } = await setUp(() => [worker]);
    loads({
      ok: false,
      problems: [{ path: "clients", message: "must be a map" }],
    } as unknown as ConfigOutcome);
    expect(await configuration.reload()).toMatchObject({ outcome: "refused" });
    expect([told, refusals(), configuration.current]).toEqual([[], 1, first]);
  });

  it("is read once at a time, each as it then is", async () => {
    const gate = Promise.withResolvers<void>();
    const { worker, told } = scriptedWorker(async (config) => {
      if (config === second) await gate.promise;
      return applied;
    });
    const { configuration, reload } = await setUp(() => [worker]);
    const one = reload(second);
    await settle();
    const two = reload(third);
    await settle();
    expect(told).toEqual([second]);
    gate.resolve();
    await Promise.all([one, two]);
    expect([told, configuration.current]).toEqual([[second, third], third]);
  });

  it("keeps the origins of four configurations, the one in force always among them", async () => {
    const { worker } = scriptedWorker(() => refused("no"));
    const { reload, ask } = await setUp(() => [worker]);
    for (let seconds = 2000; seconds < 9000; seconds += 1000) await reload(configOf(seconds));
    expect(await ask(first)).toBe("1000");
    await expect(ask(configOf(2000))).rejects.toThrow("not in force any more");
    expect(await ask(configOf(8000))).toBe("8000");
  });

  it("answers by a version that was in force long ago: a worker may have kept what was made for it", async () => {
    const { worker } = scriptedWorker(() => applied);
    const { reload, ask, made } = await setUp(() => [worker]);
    for (let seconds = 2000; seconds < 9000; seconds += 1000) await reload(configOf(seconds));
    expect(await Promise.all([ask(first), ask(first)])).toEqual(["1000", "1000"]);
    expect(made.filter((name) => name === "1000")).toHaveLength(2);
  });

  it("reads a CA anew that was exchanged under its old name, and keeps the former where a worker refuses", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "certgate-"));
    const caFile = join(folder.path, "ca.pem");
    await writeFile(caFile, "one");
    let answer: ReloadOutcome = applied;
    const { worker } = scriptedWorker(() => answer);
    const { reload, ask, made } = await setUp(() => [worker]);
    const withCa: Config = {
      ...second,
      keyVaults: {
        main: { url: "https://v.example", credential: "c", caFile, verifyChallengeResource: true },
      },
    };
    await reload(withCa);
    await reload(withCa);
    expect([made, await ask(withCa)]).toEqual([["1000", "2000"], "2000"]);
    await writeFile(caFile, "another");
    answer = refused("the vault does not answer");
    await reload(withCa);
    expect(made).toEqual(["1000", "2000", "2000"]);
    answer = applied;
    await reload(withCa);
    expect(made).toEqual(["1000", "2000", "2000", "2000"]);
    await reload(withCa);
    expect(made).toHaveLength(4);
  });
});
