import { describe, expect, it } from "vitest";
import { Slots } from "../../../../src/trust/ocsp/slots.ts";

const never = new AbortController().signal;

function gate() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise, open: () => resolve(), fail: () => reject(new Error("broken")) };
}

describe("slots", () => {
  it("let only so many work at once, the others in their order", async () => {
    const slots = new Slots(2);
    const gates = [gate(), gate(), gate(), gate()];
    const begun: number[] = [];
    const runs = gates.map(({ promise }, i) =>
      slots.run(async () => {
        begun.push(i);
        await promise;
      }, never),
    );
    expect(begun).toEqual([0, 1]);
    gates[1]!.open();
    await runs[1];
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(runs);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("are free again after work that failed", async () => {
    const slots = new Slots(1);
    const { promise, fail } = gate();
    const first = slots.run(() => promise, never);
    const second = slots.run(async () => "done", never);
    fail();
    await expect(first).rejects.toThrow("broken");
    expect(await second).toBe("done");
    expect(await slots.run(async () => "again", never)).toBe("again");
  });

  it("let go of who gives up waiting, who then takes no slot", async () => {
    const slots = new Slots(1);
    const { promise, open } = gate();
    const first = slots.run(() => promise, never);
    const impatient = new AbortController();
    const second = slots.run(async () => "never", impatient.signal);
    const third = slots.run(async () => "done", never);
    impatient.abort(new Error("too late"));
    await expect(second).rejects.toThrow("too late");
    open();
    await first;
    expect(await third).toBe("done");
  });

  it("do not begin for who has given up already", async () => {
    await expect(new Slots(1).run(async () => "never", AbortSignal.abort(new Error("gone")))).rejects.toThrow(
      "gone",
    );
  });
});
