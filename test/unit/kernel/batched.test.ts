import { describe, expect, it } from "vitest";
import { batched } from "../../../src/kernel/batched.ts";

describe("what is batched", () => {
  it("is seen to after this turn, each once, in its order", async () => {
    const seen: number[] = [];
    const take = batched<number>((item) => seen.push(item));
    take(1);
    take(2);
    expect(seen).toEqual([]);
    await new Promise(setImmediate);
    take(3);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("is seen to at once where somebody asks for it", async () => {
    const seen: number[] = [];
    const take = batched<number>((item) => seen.push(item));
    take(1);
    take.pass();
    expect(seen).toEqual([1]);
    await new Promise(setImmediate);
    expect(seen).toEqual([1]);
  });

  it("can be added to while it is seen to", async () => {
    const seen: number[] = [];
    const take = batched<number>((item) => {
      seen.push(item);
      if (item < 3) take(item + 1);
    });
    take(1);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    expect(seen).toEqual([1, 2, 3]);
  });
});
