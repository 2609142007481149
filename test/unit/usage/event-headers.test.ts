import { describe, expect, it } from "vitest";
import { readEventHeaders } from "../../../src/usage/event-headers.ts";

const header = (name: string, type: number, value: string): string =>
  `${name.length.toString(16).padStart(2, "0")}${Buffer.from(name).toString("hex")}${type.toString(16).padStart(2, "0")}${value}`;
const read = (hex: string) => readEventHeaders(Buffer.from(hex, "hex"));

describe("the headers of an event", () => {
  it("may be of any type, and those that are strings are told", () => {
    const all = [
      header("t", 0, ""),
      header("f", 1, ""),
      header("b", 2, "01"),
      header("s", 3, "0102"),
      header("i", 4, "01020304"),
      header("l", 5, "0102030405060708"),
      header("y", 6, "0002ffff"),
      header(":event-type", 7, "00026162"),
      header("d", 8, "0102030405060708"),
      header("u", 9, "00".repeat(16)),
      header("last", 7, "0000"),
    ];
    expect([...(read(all.join("")) ?? [])]).toEqual([
      [":event-type", "ab"],
      ["last", ""],
    ]);
  });

  it.each([
    ["an unknown type", header("x", 10, "")],
    ["a name without letters", header("", 0, "")],
    ["a name that ends behind the bytes", "0561"],
    ["a value that ends behind the bytes", header("x", 7, "000261")],
    ["a length that is cut off", header("x", 7, "00")],
    ["a number that is cut off", header("x", 5, "0102")],
    ["a type that is cut off", "0161"],
  ])("are none with %s", (_, hex) => {
    expect(read(hex)).toBeUndefined();
  });
});
