import { describe, expect, it } from "vitest";
import { planToken } from "../../../src/credential/token-plan.ts";

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;
const hour = 60 * minute;

describe("a new token", () => {
  it("is replaced when two thirds of its life are over", () => {
    const plan = planToken({ token: "a", expiresOnTimestamp: now + 3 * hour }, now, undefined);
    expect(plan.refreshAt).toBe(now + 2 * hour);
  });

  it("is replaced at its middle at the latest when five minutes are more than that", () => {
    const plan = planToken({ token: "a", expiresOnTimestamp: now + 6 * minute }, now, undefined);
    expect(plan.refreshAt).toBe(now + 3 * minute);
  });

  it("is replaced when its issuer wants it", () => {
    const token = { token: "a", expiresOnTimestamp: now + 24 * hour, refreshAfterTimestamp: now + 12 * hour };
    expect(planToken(token, now, undefined).refreshAt).toBe(now + 12 * hour);
  });

  it.each([
    ["past", now - 1],
    ["after its expiry", now + 4 * hour],
  ])("ignores a wish that lies %s", (_, refreshAfterTimestamp) => {
    const token = { token: "a", expiresOnTimestamp: now + 3 * hour, refreshAfterTimestamp };
    expect(planToken(token, now, undefined).refreshAt).toBe(now + 2 * hour);
  });

  it("is used until one minute before its expiry", () => {
    const plan = planToken({ token: "a", expiresOnTimestamp: now + hour }, now, undefined);
    expect(plan.unusableAt).toBe(now + 59 * minute);
  });

  it("with a short life keeps nine tenths of it", () => {
    const plan = planToken({ token: "a", expiresOnTimestamp: now + 20_000 }, now, undefined);
    expect(plan.unusableAt).toBe(now + 18_000);
  });
});

describe("the same token again", () => {
  const first = planToken({ token: "a", expiresOnTimestamp: now + hour }, now, undefined);

  it("keeps its end: a margin does not shrink because the token was seen again", () => {
    const later = now + 59.5 * minute;
    expect(planToken({ token: "a", expiresOnTimestamp: now + hour }, later, first).unusableAt).toBe(
      first.unusableAt,
    );
  });

  it("is asked about again in a sixth of what is left, between ten seconds and five minutes", () => {
    const again = (at: number) =>
      planToken({ token: "a", expiresOnTimestamp: now + hour }, at, first).refreshAt - at;
    expect(again(now + 40 * minute)).toBe((20 * minute) / 6);
    expect(again(now + minute)).toBe(5 * minute);
    expect(again(now + 59.5 * minute)).toBe(10_000);
  });

  it("is a new one when its text differs", () => {
    const plan = planToken({ token: "b", expiresOnTimestamp: now + 2 * hour }, now + hour, first);
    expect(plan).toEqual({ token: "b", unusableAt: now + 119 * minute, refreshAt: now + hour + 40 * minute });
  });
});
