import { describe, expect, it } from "vitest";
import { rotateThumbprints } from "../../../src/registry/rotate.ts";

const now = Date.UTC(2026, 5, 1);
const day = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString();

describe("rotateThumbprints", () => {
  it("gives the old thumbprint an end, and the new one none", () => {
    expect(rotateThumbprints(["old"], "new", now + day, now)).toEqual([
      { thumbprint: "old", until: iso(now + day) },
      "new",
    ]);
  });

  it("drops the old thumbprint at once without an overlap", () => {
    expect(rotateThumbprints(["old"], "new", now, now)).toEqual(["new"]);
  });

  it("never puts an end off", () => {
    const soon = { thumbprint: "older", until: iso(now + 1) };
    expect(rotateThumbprints([soon, "old"], "new", now + day, now)).toEqual([
      soon,
      { thumbprint: "old", until: iso(now + day) },
      "new",
    ]);
  });

  it("drops what has ended", () => {
    const ended = { thumbprint: "older", until: iso(now) };
    expect(rotateThumbprints([ended], "new", now + day, now)).toEqual(["new"]);
  });
});
