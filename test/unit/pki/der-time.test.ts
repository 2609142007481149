import { describe, expect, it } from "vitest";
import { formatInstant, timeOf } from "../../../src/pki/der-time.ts";

const read = (text: string) => timeOf(Buffer.from(text, "latin1"), text.length === 15);

describe("timeOf", () => {
  it.each([
    ["491231235959Z", "2049-12-31T23:59:59Z"],
    ["500101000000Z", "1950-01-01T00:00:00Z"],
    ["20500101000000Z", "2050-01-01T00:00:00Z"],
    ["20240229120000Z", "2024-02-29T12:00:00Z"],
    ["00990101000000Z", "0099-01-01T00:00:00Z"],
    ["99991231235959Z", "9999-12-31T23:59:59Z"],
  ])("reads %s", (text, iso) => {
    expect(formatInstant(read(text)!)).toBe(iso);
  });

  it.each([
    "2401010000Z",
    "240101000000+",
    "20240101000000.5Z",
    "241301000000Z",
    "240230000000Z",
    "230229000000Z",
    "240101240000Z",
    "240101006000Z",
    "24010100000aZ",
    "",
  ])("refuses %j", (text) => {
    expect(read(text)).toBeUndefined();
  });
});
