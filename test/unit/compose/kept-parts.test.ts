import { describe, expect, it } from "vitest";
import { KeptParts } from "../../../src/compose/kept-parts.ts";

/** Parts that count what is made and closed. */
function workshop() {
  const parts = new KeptParts();
  const closed: string[] = [];
  let made = 0;
  const take = (owner: AsyncDisposableStack, from: unknown, kind = "part") =>
    parts.take(
      owner,
      kind,
      from,
      () => `${kind} ${(made += 1)}`,
      (value) => void closed.push(value),
    );
  return { parts, closed, take };
}

describe("KeptParts", () => {
  it("gives the second owner what was made for the first from the same words", async () => {
    const { take, parts } = workshop();
    const [first, second] = [new AsyncDisposableStack(), new AsyncDisposableStack()];
    expect(await take(first, { url: "a" })).toBe("part 1");
    expect(await take(second, { url: "a" })).toBe("part 1");
    expect(parts.size).toBe(1);
  });

  it("makes it anew from other words, and for another kind", async () => {
    const { take } = workshop();
    const owner = new AsyncDisposableStack();
    expect(await take(owner, { url: "a" })).toBe("part 1");
    expect(await take(owner, { url: "b" })).toBe("part 2");
    expect(await take(owner, { url: "a" }, "other")).toBe("other 3");
  });

  it("closes it with its last owner", async () => {
    const { take, closed, parts } = workshop();
    const [first, second] = [new AsyncDisposableStack(), new AsyncDisposableStack()];
    await take(first, "a");
    await take(second, "a");
    await first.disposeAsync();
    expect(closed).toEqual([]);
    await second.disposeAsync();
    expect([closed, parts.size]).toEqual([["part 1"], 0]);
  });

  it("keeps nothing that could not be made, and makes it at the next try", async () => {
    const parts = new KeptParts();
    const owner = new AsyncDisposableStack();
    const failing = parts.take(owner, "part", "a", () => Promise.reject(new Error("no disk")));
    await expect(failing).rejects.toThrow("no disk");
    expect(parts.size).toBe(0);
    expect(await parts.take(owner, "part", "a", () => "made")).toBe("made");
  });

  it("makes it once for owners who ask at the same time", async () => {
    const { take } = workshop();
    const owners = [new AsyncDisposableStack(), new AsyncDisposableStack()];
    expect(await Promise.all(owners.map((owner) => take(owner, "a")))).toEqual(["part 1", "part 1"]);
  });
});
