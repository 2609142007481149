import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { Connection } from "../../../../../src/forward/adapters/http1/connection.ts";

describe("a connection that never carried anything", () => {
  it("grows old all the same", () => {
    const connection = new Connection(new TLSSocket(new Socket()), {
      idleTimeoutMs: 1000,
      released() {},
      lost() {},
    });
    onTestFinished(() => connection.destroy());
    const now = performance.now();
    expect([now, now + 60_000].map((at) => connection.isUsable(at))).toEqual([true, false]);
  });
});
