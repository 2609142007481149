import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { isOwnKind, type ObjectKind, objectKinds } from "../../../src/model/object-kind.ts";
import { defaultDaysKept, expiryOf } from "../../../src/ownership/object-lifetimes.ts";

const now = Date.UTC(2026, 0, 1);
const day = 86_400_000;

describe("the end of an object", () => {
  it("is the services' own by default", () => {
    expect(expiryOf("response", now, defaultDaysKept, undefined)).toBe(now + 30 * day);
    expect(expiryOf("file", now, defaultDaysKept, undefined)).toBe("never");
    expect(expiryOf("thread", now, defaultDaysKept, undefined)).toBe("never");
  });

  it("is what the operator says", () => {
    expect(expiryOf("file", now, { file: 2 }, undefined)).toBe(now + 2 * day);
    expect(expiryOf("response", now, { response: "never" }, undefined)).toBe("never");
  });

  it("is what its answer tells, for kinds that keep to it", () => {
    expect(expiryOf("file", now, defaultDaysKept, now + day)).toBe(now + day);
    // Its `expires_at` moves on with each use.
    expect(expiryOf("vector_store", now, defaultDaysKept, now + day)).toBe("never");
  });

  it("is not one that has passed: a backend's clock that is behind must not orphan the object", () => {
    expect(expiryOf("file", now, defaultDaysKept, now - 1)).toBe("never");
  });
});

describe("docs/ownership.md", async () => {
  const text = await readFile(new URL("../../../docs/ownership.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z_]+)` +\|[^|]+\| +(.+?) +\|$/gm)].map(([, kind, kept]) => [
    kind,
    kept,
  ]);

  it("tells of every kind that has an owner how long it is known, and of no other", () => {
    const kinds = (Object.keys(objectKinds) as ObjectKind[]).filter(isOwnKind);
    const expected = kinds.map((kind): [string, string] => {
      const days = defaultDaysKept[kind] ?? "never";
      return [kind, days === "never" ? "for ever" : `${days} day${days === 1 ? "" : "s"}`];
    });
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected));
    expect(rows).toHaveLength(expected.length);
  });
});
