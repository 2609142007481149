import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { HeldBytes } from "../../../src/gateway/held-bytes.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are in use. */
const inUse = () => {
  // What a collection finds dead of buffers, another thread frees; the next one waits for it.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

describe("HeldBytes", () => {
  it("gives back what was pushed, whatever the lengths of the pieces", () => {
    const all = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 251));
    const held = new HeldBytes();
    for (let at = 0, n = 0; at < all.length; n += 1) {
      const length = [1, 5000, 17, 4096, 4095, 1, 1, 16_384, 300][n % 9] as number;
      held.push(all.subarray(at, at + length));
      at += length;
    }
    expect(held.length).toBe(all.length);
    expect(Buffer.from(held.take()).equals(all)).toBe(true);
  });

  it("copies nothing of a body that came in one piece", () => {
    const held = new HeldBytes();
    const piece = Buffer.from("{}");
    held.push(piece);
    expect(held.take()).toBe(piece);
  });

  it("holds nothing after it was taken or dropped", () => {
    const held = new HeldBytes();
    for (const text of ["one", "two", "three"]) held.push(Buffer.from(text));
    held.take();
    expect(held.length).toBe(0);
    held.push(Buffer.from("four"));
    held.push(Buffer.from("five"));
    held.drop();
    expect(held.length).toBe(0);
    expect(held.take().byteLength).toBe(0);
  });

  it("costs a small multiple of its length when each byte is a piece of its own", () => {
    const bytes = 1024 * 1024;
    const slab = Buffer.alloc(bytes, "x");
    const before = inUse();
    const held = new HeldBytes();
    for (let at = 0; at < bytes; at += 1) held.push(slab.subarray(at, at + 1));
    expect(inUse() - before).toBeLessThan(4 * bytes);
    expect(held.length).toBe(bytes);
  });

  it("costs a small multiple of its length when short pieces stand between long ones", () => {
    const slab = Buffer.alloc(4096, "x");
    const before = inUse();
    const held = new HeldBytes();
    for (let n = 0; n < 500; n += 1) {
      held.push(slab.subarray(0, 1));
      held.push(Buffer.from(slab));
    }
    expect(inUse() - before).toBeLessThan(4 * held.length);
  });
});
