import type { Socket } from "node:net";
import { beforeEach, describe, expect, it } from "vitest";
import { UnreadWatch } from "../../../src/listener/unread-watch.ts";

let cut: unknown[];
let watch: UnreadWatch;
let limitMs: number;
beforeEach(() => {
  cut = [];
  limitMs = 5000;
  watch = new UnreadWatch(
    () => limitMs,
    (socket) => cut.push(socket),
  );
});

/** Of a socket only what was written and what of it waits matters here. */
function connection(bytesWritten: number, writableLength: number) {
  const socket = { bytesWritten, writableLength };
  watch.add(socket as unknown as Socket);
  return socket;
}

/** Looks once a second. */
function lookFor(from: number, to: number): void {
  for (let at = from; at <= to; at += 1000) watch.look(at);
}

describe("a client", () => {
  it("that takes nothing of what waits for it is cut after the limit, once", () => {
    const socket = connection(5000, 5000);
    lookFor(1000, 5000);
    expect(cut).toEqual([]);
    lookFor(6000, 20_000);
    expect(cut).toEqual([socket]);
  });

  it("that takes a little now and then is not cut", () => {
    const socket = connection(100_000, 100_000);
    for (let at = 1000; at < 30_000; at += 1000) {
      if (at % 4000 === 0) socket.writableLength -= 1000;
      watch.look(at);
    }
    expect(cut).toEqual([]);
  });

  it("for whom nothing waits may be silent for as long as it likes", () => {
    connection(5000, 0);
    lookFor(1000, 3_600_000);
    expect(cut).toEqual([]);
  });

  it("gets its whole time anew after what waited was taken", () => {
    const socket = connection(5000, 5000);
    lookFor(1000, 5000);
    socket.writableLength = 0;
    watch.look(6000);
    Object.assign(socket, { bytesWritten: 9000, writableLength: 4000 });
    lookFor(7000, 11_000);
    expect(cut).toEqual([]);
    lookFor(12_000, 13_000);
    expect(cut).toEqual([socket]);
  });

  it("that has gone is not looked at any more", () => {
    const socket = connection(5000, 5000);
    watch.look(1000);
    watch.remove(socket as unknown as Socket);
    lookFor(2000, 20_000);
    expect(cut).toEqual([]);
  });

  it("is measured by the limit of the moment", () => {
    const socket = connection(5000, 5000);
    lookFor(1000, 4000);
    limitMs = 2000;
    watch.look(4500);
    expect(cut).toEqual([socket]);
  });
});
