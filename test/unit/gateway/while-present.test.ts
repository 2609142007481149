import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { CallerLeft } from "../../../src/gateway/read-body.ts";
import { whilePresent } from "../../../src/gateway/while-present.ts";

const response = () => new ServerResponse(new IncomingMessage(new Socket()));

/** Waits for ever, as a dead identity endpoint lets one wait. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

describe("whilePresent", () => {
  it("gives what was waited for", async () => {
    expect(await whilePresent(response(), () => Promise.resolve(7))).toBe(7);
  });

  it("throws what the wait threw", async () => {
    const wait = () => Promise.reject(new Error("no token"));
    await expect(whilePresent(response(), wait)).rejects.toThrow("no token");
  });

  it("stops waiting when the caller leaves", async () => {
    const open = response();
    const waiting = whilePresent(open, untilAborted);
    open.destroy();
    await expect(waiting).rejects.toThrow(CallerLeft);
  });

  it("drops what came for a caller who has left, where the wait did not stop for it", async () => {
    const open = response();
    const wait = Promise.withResolvers<number>();
    const dropped: number[] = [];
    const waiting = whilePresent(
      open,
      () => wait.promise,
      (got) => dropped.push(got),
    );
    open.destroy();
    wait.resolve(7);
    await expect(waiting).rejects.toThrow(CallerLeft);
    expect(dropped).toEqual([7]);
  });

  it("does not begin for a caller who has left", async () => {
    const left = response();
    left.destroy();
    let began = false;
    const wait = () => Promise.resolve((began = true));
    await expect(whilePresent(left, wait)).rejects.toThrow(CallerLeft);
    expect(began).toBe(false);
  });

  it("leaves no listener behind", async () => {
    const open = response();
    const before = open.listenerCount("close");
    await whilePresent(open, () => Promise.resolve());
    await whilePresent(open, () => Promise.reject(new Error("no"))).catch(() => {});
    expect(open.listenerCount("close")).toBe(before);
  });
});
