import { describe, expect, it } from "vitest";
import { Calls, type Message } from "../../../src/supervisor/calls.ts";
import { Supervisor } from "../../../src/supervisor/supervisor.ts";
import type { StartAnswer, WorkerEnd, WorkerProcess } from "../../../src/supervisor/worker-process.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

/** A worker's process that does what the test says. */
class ScriptedProcess implements WorkerProcess {
  readonly index: number;
  readonly pid: number;
  readonly calls: Calls;
  readonly #started = Promise.withResolvers<StartAnswer>();
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly #left = Promise.withResolvers<void>();
  readonly asked: string[] = [];
  readonly told: unknown[] = [];
  /** It answers nothing any more, and does not end. */
  hangs = false;

  constructor(index: number, pid: number) {
    this.index = index;
    this.pid = pid;
    let answer: (message: Message) => void = () => {};
    this.calls = new Calls(
      "the worker",
      {
        send: (message) => {
          if (message.kind !== "call" || message.name !== "ping") return void this.told.push(message);
          if (!this.hangs) answer({ kind: "answer", id: message.id, value: undefined });
        },
        onMessage: (listener) => (answer = listener),
        onClose() {},
      },
      { calls: {} },
    );
  }

  get leaving() {
    return this.#left.promise;
  }
  leave = () => {
    this.#left.resolve();
    return settle();
  };

  get started() {
    return this.#started.promise;
  }
  get ended() {
    return this.#ended.promise;
  }
  ready = () => this.#answer({ ready: true });
  refuse = async (refusal: string) => {
    await this.#answer({ ready: false, refusal });
    await this.die({ code: 1, signal: null });
  };
  die = (end: WorkerEnd = { code: null, signal: "SIGKILL" }) => {
    this.#ended.resolve(end);
    return settle();
  };
  stop(graceMs: number) {
    this.asked.push(`stop ${graceMs}`);
  }
  kill() {
    this.asked.push("kill");
    void this.die();
  }
  #answer(answer: StartAnswer) {
    this.#started.resolve(answer);
    return settle();
  }
}

function setUp(workers = 2) {
  const clock = new ManualClock();
  const logger = createRecordingLogger();
  const processes: ScriptedProcess[] = [];
  const gone: number[] = [];
  const supervisor = new Supervisor({
    workers,
    clock,
    logger,
    random: () => 0,
    onGone: (index) => gone.push(index),
    spawn(index) {
      const process = new ScriptedProcess(index, 100 + processes.length);
      processes.push(process);
      return process;
    },
  });
  const started = supervisor.start();
  started.catch(() => {});
  const process = (at: number) => {
    const found = processes.at(at);
    if (found === undefined) throw new Error(`there is no process ${at}`);
    return found;
  };
  const phases = () => supervisor.states.map(({ phase }) => phase);
  return { clock, logger, processes, process, supervisor, started, phases, gone };
}

describe("Supervisor", () => {
  it("has started when all workers serve, and not before", async () => {
    const { started, process, phases } = setUp(2);
    let done = false;
    void started.then(() => (done = true));
    await process(0).ready();
    expect([done, phases()]).toEqual([false, ["ready", "starting"]]);
    await process(1).ready();
    expect([done, phases()]).toEqual([true, ["ready", "ready"]]);
  });

  it("starts one that died again after a wait, and the others serve on", async () => {
    const { clock, process, processes, supervisor, phases, gone } = setUp(2);
    await process(0).ready();
    await process(1).ready();
    await process(0).die();
    expect([phases(), gone]).toEqual([["waiting", "ready"], [0]]);
    expect(supervisor.states[0]).toMatchObject({
      lastDeath: "it was ended by SIGKILL",
      startsAt: clock.now() + 200,
      proven: true,
    });
    expect([...supervisor.serving.keys()]).toEqual([1]);
    await clock.advance(199);
    expect(processes).toHaveLength(2);
    await clock.advance(1);
    expect(process(2).index).toBe(0);
    await process(2).ready();
    expect(phases()).toEqual(["ready", "ready"]);
    expect(supervisor.states[0]).toMatchObject({ restarts: 1, pid: 102 });
  });

  it("waits longer with each death that comes soon, and never gives up while another serves", async () => {
    const { clock, process, processes, supervisor } = setUp(2);
    let gaveUp = false;
    supervisor.gaveUp.catch(() => (gaveUp = true));
    await process(1).ready();
    await process(0).die({ code: 1, signal: null });
    const waits: number[] = [];
    for (let deaths = 0; deaths < 12; deaths += 1) {
      const from = clock.now();
      waits.push((supervisor.states[0]?.startsAt ?? 0) - from);
      await clock.advance(waits.at(-1) ?? 0);
      await process(-1).die({ code: 1, signal: null });
    }
    expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000, 30_000]);
    expect(processes).toHaveLength(14);
    expect(gaveUp).toBe(false);
  });

  it("gives up with the reason when none ever comes to serve", async () => {
    const { clock, process, processes, started } = setUp(2);
    for (let round = 0; round < 5; round += 1) {
      await process(-2).die({ code: 134, signal: null, crash: "out of memory" });
      await process(-1).die({ code: 134, signal: null, crash: "out of memory" });
      await clock.advance(30_000);
    }
    await expect(started).rejects.toThrow(
      "no worker came to serve in 10 starts, the last was worker 1: it ended with exit code 134: out of memory",
    );
    expect(processes).toHaveLength(10);
    await clock.advance(600_000);
    expect(processes).toHaveLength(10);
  });

  it("gives up at once when the first says itself why it cannot serve, and stops the others first", async () => {
    const { process, processes, started } = setUp(3);
    await process(1).refuse("the port is in use");
    expect([process(0).asked, process(2).asked]).toEqual([["stop 0"], ["stop 0"]]);
    await process(0).die();
    await process(2).die();
    await expect(started).rejects.toThrow(/^the port is in use$/);
    expect(processes).toHaveLength(3);
  });

  it("tries again when one refuses that had served, or while another serves", async () => {
    const { clock, process, phases } = setUp(2);
    await process(0).ready();
    await process(1).refuse("the registry is locked");
    expect(phases()).toEqual(["ready", "waiting"]);
    await process(0).die();
    await clock.advance(200);
    await process(-1).refuse("the registry is locked");
    expect(phases()).not.toContain("stopped");
    await clock.advance(400);
    await process(-1).ready();
    expect(phases()).toContain("ready");
  });

  it("gives up also later, when all died and none comes back", async () => {
    const { clock, process, supervisor } = setUp(1);
    await process(0).ready();
    await process(0).die();
    for (let starts = 0; starts < 5; starts += 1) {
      await clock.advance(30_000);
      await process(-1).die();
    }
    await expect(supervisor.gaveUp).rejects.toThrow("no worker came to serve in 5 starts");
  });

  it("has all of them drain at the same time, and kills what stays beyond its time", async () => {
    const { clock, process, processes, supervisor, phases } = setUp(3);
    await process(0).ready();
    await process(1).ready();
    await process(2).die();
    let stopped = false;
    void supervisor.stop(20_000).then(() => (stopped = true));
    await settle();
    expect([process(0).asked, process(1).asked]).toEqual([["stop 20000"], ["stop 20000"]]);
    await process(0).die({ code: 0, signal: null });
    await clock.advance(22_999);
    expect([stopped, process(1).asked]).toEqual([false, ["stop 20000"]]);
    await clock.advance(1);
    expect([stopped, process(1).asked]).toEqual([true, ["stop 20000", "kill"]]);
    // Neither the one that waited nor those that ended are started again.
    await clock.advance(600_000);
    expect([processes.length, phases()]).toEqual([3, ["stopped", "stopped", "stopped"]]);
  });

  it("ends all of them at once when it must", async () => {
    const { clock, process, processes, supervisor } = setUp(2);
    await process(0).ready();
    supervisor.kill();
    await clock.advance(600_000);
    expect([process(0).asked, process(1).asked, processes.length]).toEqual([["kill"], ["kill"], 2]);
  });

  it("tells every process that runs", async () => {
    const { process, supervisor } = setUp(2);
    await process(0).ready();
    supervisor.tell("news");
    for (const at of [0, 1])
      expect(process(at).told).toEqual([{ kind: "notice", name: "news", value: undefined }]);
  });

  it("logs each death with its reason", async () => {
    const { process, logger } = setUp(2);
    await process(0).ready();
    await process(1).die({ code: 7, signal: null });
    expect(logger.lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        fields: expect.objectContaining({
          worker: 1,
          reason: "it ended with exit code 7",
          nextStartInMs: 200,
        }),
      }),
    );
  });

  it("ends one that hangs without dying, and starts it again", async () => {
    const { clock, process, phases, supervisor } = setUp(2);
    await process(0).ready();
    await process(1).ready();
    process(0).hangs = true;
    await clock.advance(11_999);
    expect([phases(), process(0).asked]).toEqual([["ready", "ready"], []]);
    await clock.advance(2000);
    expect([process(0).asked, process(1).asked]).toEqual([["kill"], []]);
    expect(supervisor.states[0]).toMatchObject({ lastDeath: "it did not answer for 10 s" });
    await process(2).ready();
    expect(phases()).toEqual(["ready", "ready"]);
    await clock.advance(600_000);
    expect([process(1).asked, process(2).asked]).toEqual([[], []]);
  });

  it("blames no worker for a time in which it was held up itself", async () => {
    const { clock, process } = setUp(1);
    await process(0).ready();
    process(0).hangs = true;
    await clock.advance(2000);
    // A machine that slept for an hour: one look comes, late, before the answer does.
    clock.sleep(3_600_000);
    await clock.advance(0);
    expect(process(0).asked).toEqual([]);
  });

  it("does not watch over one that drains at its end any longer than it lives", async () => {
    const { clock, process, supervisor } = setUp(1);
    await process(0).ready();
    void supervisor.stop(1000);
    await process(0).die({ code: 0, signal: null });
    expect(clock.pending).toBe(0);
  });

  it("ends one that does not come to serve in five minutes, and not before", async () => {
    const { clock, process, processes, supervisor } = setUp(1);
    await clock.advance(299_999);
    expect(process(0).asked).toEqual([]);
    await clock.advance(1);
    expect(process(0).asked).toEqual(["kill"]);
    expect(supervisor.states[0]).toMatchObject({ lastDeath: "it did not come to serve within 300 s" });
    await clock.advance(200);
    expect(processes).toHaveLength(2);
  });

  it("knows of one that leaves at somebody else's word: it does not serve, can be asked, and is started anew", async () => {
    const { clock, process, phases, supervisor } = setUp(2);
    await process(0).ready();
    await process(1).ready();
    await process(0).leave();
    expect([phases(), [...supervisor.serving.keys()]]).toEqual([["leaving", "ready"], [1]]);
    expect(supervisor.answering).toEqual([process(0), process(1)]);
    await process(0).die({ code: 0, signal: null });
    await clock.advance(200);
    await process(2).ready();
    expect(phases()).toEqual(["ready", "ready"]);
  });
});
