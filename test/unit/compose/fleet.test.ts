import { describe, expect, it } from "vitest";
import { fleetReadiness, fleetSnapshots, fleetState } from "../../../src/compose/fleet.ts";
import type { Supervisor } from "../../../src/supervisor/supervisor.ts";
import type { WorkerProcess } from "../../../src/supervisor/worker-process.ts";
import type { WorkerState } from "../../../src/supervisor/worker-slot.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const clock = new ManualClock();
const state = (index: number, over: Partial<WorkerState> = {}): WorkerState => ({
  index,
  phase: "ready",
  restarts: 0,
  proven: true,
  ...over,
});

/** A worker that answers every question with this. */
const answering = (answer: unknown) => ({ calls: { call: async () => answer } }) as unknown as WorkerProcess;
const gone = {
  calls: { call: () => Promise.reject(new Error("the worker is gone")) },
} as unknown as WorkerProcess;

const supervisorOf = (states: readonly WorkerState[], processes: readonly WorkerProcess[]) =>
  ({
    states,
    serving: new Map(states.flatMap(({ phase }, at) => (phase === "ready" ? [[at, processes[at]]] : []))),
    answering: processes,
  }) as unknown as Supervisor;

const fine = answering([{ name: "listener", ok: true }]);
const readiness = (states: readonly WorkerState[], processes: readonly WorkerProcess[]) =>
  fleetReadiness(supervisorOf(states, processes), "accepting", clock);

describe("the readiness of all workers", () => {
  it("has each worker's items, with its index", async () => {
    expect(await readiness([state(0), state(1)], [fine, fine])).toEqual([
      { name: "workers", ok: true, detail: "2 of 2 serve" },
      { name: "worker 0: listener", ok: true },
      { name: "worker 1: listener", ok: true },
    ]);
  });

  it("is not given while a worker that takes connections lacks something, or does not answer", async () => {
    const lacking = answering([{ name: "credential gateway", ok: false }]);
    const items = await readiness([state(0), state(1), state(2)], [fine, lacking, gone]);
    expect(items.filter(({ ok }) => !ok)).toEqual([
      { name: "worker 1: credential gateway", ok: false },
      { name: "worker 2", ok: false, detail: "it does not answer" },
    ]);
  });

  it("tells of a death without the secrets that its reason quotes", async () => {
    const dead = state(1, { phase: "waiting", lastDeath: "it crashed: token=0123456789abcdef" });
    const items = await readiness([state(0), dead], [fine, gone]);
    expect(items[1]?.detail).toBe("waiting: it crashed: token=[redacted], it is started again in 0 s");
  });

  it("is given while one drains or is on its way back, because it takes no connections", async () => {
    const leaving = answering([{ name: "listener", ok: false, detail: "shutting down" }]);
    const waiting = state(1, {
      phase: "waiting",
      lastDeath: "it was ended by SIGKILL",
      startsAt: clock.now() + 1500,
    });
    const items = await readiness([state(0), waiting, state(2, { phase: "leaving" })], [fine, gone, leaving]);
    expect(items.every(({ ok }) => ok)).toBe(true);
    expect(items.map(({ detail }) => detail)).toEqual([
      "1 of 3 serve",
      "waiting: it was ended by SIGKILL, it is started again in 2 s",
      "leaving",
      undefined,
    ]);
  });

  it("is not given when none serves, nor before a worker served for the first time", async () => {
    const down = state(0, {
      phase: "waiting",
      lastDeath: "it ended with exit code 1",
      startsAt: clock.now(),
    });
    expect((await readiness([down], [])).every(({ ok }) => !ok)).toBe(true);
    const items = await readiness([state(0), state(1, { phase: "starting", proven: false })], [fine, fine]);
    expect(items.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["worker 1"]);
  });

  it("says only that it shuts down when it does", async () => {
    const supervisor = supervisorOf([state(0)], [fine]);
    expect(await fleetReadiness(supervisor, "shutting down", clock)).toEqual([
      { name: "workers", ok: false, detail: "shutting down" },
    ]);
  });
});

describe("what all workers counted", () => {
  it("comes from each that answers; one that ends meanwhile holds nobody up", async () => {
    const one = answering(["numbers"]);
    const snapshots = await fleetSnapshots(supervisorOf([state(0), state(1)], [one, gone]));
    expect([...snapshots]).toEqual([
      [one, ["numbers"]],
      [gone, undefined],
    ]);
  });

  it("tells how many are in each phase, and how often one was started again", () => {
    const states = [state(0, { restarts: 2 }), state(1, { phase: "leaving", restarts: 1 })];
    expect(fleetState(supervisorOf(states, []))).toEqual({
      phases: { starting: 0, ready: 1, leaving: 1, waiting: 0 },
      restarts: 3,
    });
  });
});
