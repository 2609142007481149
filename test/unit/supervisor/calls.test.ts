import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { Calls, type Message, type MessagePort, type Offers } from "../../../src/supervisor/calls.ts";
import { settle } from "../../support/manual-clock.ts";

/** Two ends of a channel; messages are copied on the way, as between processes. */
function channel(): { ends: readonly [MessagePort, MessagePort]; close: () => void; sent: Message[] } {
  const listeners = [new Set<(message: Message) => void>(), new Set<(message: Message) => void>()] as const;
  const closers = new Set<() => void>();
  const sent: Message[] = [];
  const end = (own: 0 | 1): MessagePort => ({
    send(message) {
      sent.push(message);
      const copy = structuredClone(message);
      setImmediate(() => {
        for (const listen of listeners[own === 0 ? 1 : 0]) listen(copy);
      });
    },
    onMessage: (listener) => void listeners[own].add(listener),
    onClose: (listener) => void closers.add(listener),
  });
  return {
    ends: [end(0), end(1)],
    close: () => {
      for (const closed of closers) closed();
    },
    sent,
  };
}

function connect(offers: Offers) {
  const { ends, close, sent } = channel();
  const far = new Calls("the worker", ends[1], offers);
  const near = new Calls("the supervisor", ends[0], { calls: {} });
  return { near, far, close, sent };
}

describe("Calls", () => {
  it("bring an answer, bytes as bytes", async () => {
    const { near } = connect({
      calls: { double: async (input) => [Number(input) * 2, new Uint8Array([1, 2])] },
    });
    expect(await near.call("double", 21)).toEqual([42, new Uint8Array([1, 2])]);
  });

  it("bring a fault with its code, its sentences and its retry time, and nothing else", async () => {
    const { near, sent } = connect({
      calls: {
        async fail() {
          const cause = Object.assign(new Error("the answer was odd"), {
            request: { secret: "do not send" },
          });
          throw new GatewayError("trust_unavailable", "the vault fails", { cause, retryAfterSeconds: 9 });
        },
      },
    });
    const fault = await near.call("fail", undefined).catch((thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(GatewayError);
    expect(fault).toMatchObject({
      code: "trust_unavailable",
      message: "the vault fails",
      retryAfterSeconds: 9,
      cause: { message: "the answer was odd" },
    });
    expect(JSON.stringify(sent)).not.toContain("do not send");
  });

  it("say so where there is no such call", async () => {
    const { near } = connect({ calls: {} });
    await expect(near.call("toString", undefined)).rejects.toThrow("there is no call toString here");
  });

  it("end when the caller gives up, on both sides", async () => {
    const ended = Promise.withResolvers<unknown>();
    const { near } = connect({
      calls: {
        wait: (_input, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              ended.resolve(signal.reason);
              reject(signal.reason as Error);
            });
          }),
      },
    });
    const giving = new AbortController();
    const answer = near.call("wait", undefined, giving.signal);
    await settle();
    giving.abort(new Error("no more patience"));
    await expect(answer).rejects.toThrow("no more patience");
    expect(await ended.promise).toMatchObject({ message: "the worker gave up waiting" });
  });

  it("fail when the other side is gone, those under way and those to come", async () => {
    const { near, close } = connect({ calls: { wait: () => new Promise(() => {}) } });
    const answer = near.call("wait", undefined);
    close();
    await expect(answer).rejects.toThrow("the supervisor is gone");
    await expect(near.call("wait", undefined)).rejects.toThrow("the supervisor is gone");
  });

  it("carry notices, known ones only", async () => {
    const heard: unknown[] = [];
    const { near } = connect({ calls: {}, notices: { stop: (value) => heard.push(value) } });
    near.tell("nothing", 1);
    near.tell("stop", 20_000);
    await settle();
    await settle();
    expect(heard).toEqual([20_000]);
  });
});
