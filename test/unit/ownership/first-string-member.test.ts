import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstStringMember } from "../../../src/ownership/first-string-member.ts";

describe("the value of a member in the begin of a JSON text", () => {
  it.each([
    ['{"id":"a"', "a"],
    ['{ "x" : [1, {"id":"no"}, "id"], "id" : "a", ', "a"],
    ['{"x":"\\"id\\":\\"no\\"","id":"a"}', "a"],
    ['{"\\u0069d":"a"}', "a"],
    ['{"x":{"id":"no"},"y":["id","no"]', undefined],
    ['{"id":7}', undefined],
    ['{"id":"cut', undefined],
    ['{"id', undefined],
    ['["id","no"]', undefined],
    ['"id"', undefined],
    ["", undefined],
  ])("%s", (text, value) => {
    expect(firstStringMember(text, "id")).toBe(value);
  });

  it("is what a JSON parser finds in the whole text, and never anything else in a part of it", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("a", "b", "i", "id"), value), fc.nat(), (object, cut) => {
        const text = JSON.stringify(object);
        const expected = typeof object["id"] === "string" ? object["id"] : undefined;
        expect(firstStringMember(text, "id")).toBe(expected);
        expect([expected, undefined]).toContain(firstStringMember(text.slice(0, cut % text.length), "id"));
      }),
    );
  });
});
