import { describe, expect, it } from "vitest";
import type { WebSocketSide } from "../../../src/forward/web-socket-lane.ts";
import { mostWaiting, SocketFlow } from "../../../src/gateway/socket-flow.ts";
import { settle } from "../../support/manual-clock.ts";

/** Two sides as far as a flow looks at them, and what happened to them. */
function flowing(pass: (text: string) => Promise<void> | undefined) {
  const calls: string[] = [];
  const from = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  const to = { buffered: 0 };
  const flow = new SocketFlow(from as unknown as WebSocketSide, to as WebSocketSide, ({ data }) =>
    pass(data.toString("utf8")),
  );
  return {
    flow,
    to,
    calls,
    push: (text: string) => flow.push({ data: Buffer.from(text), text: true }),
  };
}

describe("a flow", () => {
  it("lets no message overtake one that is still being judged", async () => {
    const first = Promise.withResolvers<void>();
    const passed: string[] = [];
    const { push } = flowing(async (text) => {
      if (text === "first") await first.promise;
      passed.push(text);
    });
    push("first");
    push("second");
    await settle();
    expect(passed).toEqual([]);
    first.resolve();
    await settle();
    expect(passed).toEqual(["first", "second"]);
  });

  it("makes the sender wait above its bound, and lets it go on below half of it", () => {
    const { push, to, calls, flow } = flowing(() => undefined);
    to.buffered = mostWaiting + 1;
    push("x");
    expect(calls).toEqual(["pause"]);
    to.buffered = mostWaiting / 2 + 1;
    flow.drained();
    expect(calls).toEqual(["pause"]);
    to.buffered = 0;
    flow.drained();
    expect(calls).toEqual(["pause", "resume"]);
  });

  it("makes a sender of empty messages wait, too: each costs memory until it was judged", async () => {
    const judged = Promise.withResolvers<void>();
    const { push, calls } = flowing(() => judged.promise);
    for (let n = 0; n < 5000; n += 1) push("");
    expect(calls).toEqual(["pause"]);
    judged.resolve();
    for (let n = 0; n < 20_000 && calls.length === 1; n += 1) await Promise.resolve();
    expect(calls).toEqual(["pause", "resume"]);
  });

  it("passes nothing to a receiver that is full, and all of it later", () => {
    const passed: string[] = [];
    const { push, to, flow } = flowing((text) => void passed.push(text));
    to.buffered = mostWaiting + 1;
    push("x");
    expect(passed).toEqual([]);
    to.buffered = 0;
    flow.drained();
    expect(passed).toEqual(["x"]);
  });

  it("ends after the last message, and not at all once it is stopped", async () => {
    const judged = Promise.withResolvers<void>();
    const said: string[] = [];
    const { push, flow } = flowing(async (text) => {
      await judged.promise;
      said.push(text);
    });
    push("x");
    flow.finish(() => said.push("end"));
    expect(said).toEqual([]);
    judged.resolve();
    await settle();
    expect(said).toEqual(["x", "end"]);

    const stopped = flowing(() => Promise.resolve());
    stopped.push("x");
    stopped.flow.finish(() => said.push("never"));
    stopped.flow.stop();
    await settle();
    expect(said).not.toContain("never");
  });
});
