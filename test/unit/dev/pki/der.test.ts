import { describe, expect, it } from "vitest";

import { integer, octetString, oid, time } from "../../../../src/dev/pki/der.ts";

const hex = (der: Uint8Array) => Buffer.from(der).toString("hex");

describe("DER writer", () => {
  it.each([
    [0, "020100"],
    [127, "02017f"],
    [128, "02020080"],
    [300, "0202012c"],
    ["00ff01", "020300ff01"],
    ["0000", "020100"],
    ["7F", "02017f"],
  ])("writes the integer %s minimally and without a sign", (value, der) => {
    expect(hex(integer(value))).toBe(der);
  });

  it("refuses what is not a non-negative integer", () => {
    expect(() => integer("-1")).toThrow(TypeError);
    expect(() => integer(1.5)).toThrow(TypeError);
  });

  it.each([
    ["1.2.840.113549.1.1.11", "06092a864886f70d01010b"],
    ["2.5.29.20", "0603551d14"],
    ["2.999.3", "0603883703"],
  ])("writes the object identifier %s", (dotted, der) => {
    expect(hex(oid(dotted))).toBe(der);
  });

  it.each([
    [0x7f, "047f"],
    [0x80, "048180"],
    [0x100, "04820100"],
    [0x10000, "0483010000"],
  ])("writes a length of %i in its shortest form", (size, head) => {
    expect(hex(octetString(Buffer.alloc(size)).subarray(0, head.length / 2))).toBe(head);
  });

  it("changes from UTCTime to GeneralizedTime in 2050 and cuts fractions", () => {
    expect(time(new Date("2049-12-31T23:59:59.999Z")).toString("latin1")).toBe("\u0017\r491231235959Z");
    expect(time(new Date("2050-01-01T00:00:00Z")).toString("latin1")).toBe("\u0018\u000f20500101000000Z");
  });
});
