import { describe, expect, it } from "vitest";
import { contextTag, DerReader, tag } from "../../../src/pki/der-reader.ts";
import { PkiError } from "../../../src/pki/pki-error.ts";

const reader = (hex: string) => new DerReader(Buffer.from(hex.replaceAll(" ", ""), "hex"), "test");
const reading = (hex: string, read: (one: DerReader) => unknown) => () => read(reader(hex));

describe("DerReader", () => {
  it("reads a sequence and what is in it", () => {
    const sequence = reader("30 06 02 01 05 01 01 ff").sequence();
    expect([sequence.smallInteger(), sequence.boolean()]).toEqual([5, true]);
    sequence.finish();
  });

  it("returns views, not copies", () => {
    const bytes = Buffer.from("0401aa", "hex");
    expect(new DerReader(bytes, "test").content(tag.octetString).buffer).toBe(bytes.buffer);
  });

  it.each([
    ["an indefinite length", "30 80 00 00"],
    ["a length in long form that fits the short", "30 81 01 00"],
    ["a length with a leading zero", "30 82 00 80"],
    ["a length of five octets", "30 85 00 00 00 00 01 00"],
    ["an element longer than its container", "30 05 02 01 05"],
    ["a header that is cut off", "30"],
    ["another tag", "31 00"],
  ])("refuses %s", (_, hex) => {
    expect(reading(hex, (one) => one.sequence())).toThrow(PkiError);
  });

  it.each(["02 00", "02 02 00 7f", "02 02 ff 80"])("refuses the INTEGER %s", (hex) => {
    expect(reading(hex, (one) => one.integer())).toThrow(PkiError);
  });

  it.each(["02 01 ff", "02 05 01 00 00 00 00"])("refuses the small INTEGER %s", (hex) => {
    expect(reading(hex, (one) => one.smallInteger())).toThrow(PkiError);
  });

  it.each(["01 01 01", "01 00", "01 02 ff ff"])("refuses the BOOLEAN %s", (hex) => {
    expect(reading(hex, (one) => one.boolean())).toThrow(PkiError);
  });

  it("refuses a default that is written down", () => {
    expect(reading("01 01 00", (one) => one.defaultFalse())).toThrow(PkiError);
  });

  it.each(["03 00", "03 01 08", "03 01 01", "03 02 01 01"])("refuses the BIT STRING %s", (hex) => {
    expect(reading(hex, (one) => one.bitString())).toThrow(PkiError);
  });

  it("refuses a signature that is not made of whole octets", () => {
    expect(reading("03 02 01 02", (one) => one.octetBitString())).toThrow(PkiError);
  });

  it.each(["06 00", "06 02 80 01", "06 01 81", `06 15 2a ${"ff".repeat(19)}7f`])(
    "refuses the OBJECT IDENTIFIER %s",
    (hex) => {
      expect(reading(hex, (one) => one.oid())).toThrow(PkiError);
    },
  );

  it.each([
    ["06 03 55 1d 13", "2.5.29.19"],
    ["06 09 2a 86 48 86 f7 0d 01 01 0b", "1.2.840.113549.1.1.11"],
    ["06 02 88 37", "2.999"],
    // The largest UUID under 2.25 (X.667): an arc of 128 bits.
    [`06 14 69 83 ${"ff".repeat(17)}7f`, "2.25.340282366920938463463374607431768211455"],
  ])("reads the OBJECT IDENTIFIER %s", (hex, dotted) => {
    expect(reader(hex).oid()).toBe(dotted);
  });

  it("refuses nesting without end", () => {
    let bytes = Buffer.of(0x30, 0);
    for (let depth = 0; depth < 40; depth += 1) bytes = Buffer.concat([Buffer.of(0x30, bytes.length), bytes]);
    const descend = (one: DerReader): void => {
      if (!one.atEnd) descend(one.sequence());
    };
    expect(() => descend(new DerReader(bytes, "test"))).toThrow(/nested too deeply/);
  });

  it("refuses what follows where nothing may follow", () => {
    const one = reader("02 01 05 00");
    one.integer();
    expect(() => one.finish()).toThrow(/unexpected data/);
  });

  it("refuses tags of several octets", () => {
    expect(reading("9f 1f 00", (one) => one.content(0x9f))).toThrow(PkiError);
    expect(reader("9e 00").content(contextTag(30))).toHaveLength(0);
  });
});
