import { describe, expect, it } from "vitest";
import { allowedFeatures, operationRow } from "../../../src/config/operations-schema.ts";

const row = { name: "rerank", group: "inference", method: "POST", path: "/openai/v1/rerank" };
const placesOf = (value: unknown): string[] =>
  operationRow.safeParse(value).error?.issues.map(({ path }) => path.join(".")) ?? [];

describe("an operation of the operator's own", () => {
  it("needs a name, a group, a method and a path, and nothing else", () => {
    expect(operationRow.parse(row)).toEqual(row);
    expect(placesOf({})).toEqual(["name", "group", "method", "path"]);
  });

  it.each([
    ["group", "everything"],
    ["method", "PUT"],
    ["shape", "constructor"],
    ["form", "toString"],
    ["query", ["anything"]],
    ["creates", "thing"],
    // Only the built-in table reads these places.
    ["deployment", "frames"],
  ])("is refused with the %s %s", (key, value) => {
    expect(placesOf({ ...row, [key]: value })[0]).toMatch(new RegExp(`^${key}`));
  });

  it("cannot be answered by the gateway or open a WebSocket", () => {
    expect(operationRow.safeParse({ ...row, answeredBy: "gateway" }).success).toBe(false);
    expect(operationRow.safeParse({ ...row, upgrade: "realtime" }).success).toBe(false);
  });
});

describe("the features that are allowed", () => {
  it("are none by default", () => {
    expect(allowedFeatures.parse(undefined)).toEqual([]);
  });

  it("are known ones only", () => {
    expect(allowedFeatures.parse(["data-sources"])).toEqual(["data-sources"]);
    expect(allowedFeatures.safeParse(["data_sources"]).success).toBe(false);
  });
});
