import { describe, expect, it } from "vitest";
import { oid, sequence, set, tlv } from "../../../src/dev/pki/der.ts";
import { DerReader } from "../../../src/pki/der-reader.ts";
import { readName } from "../../../src/pki/name.ts";
import { PkiError } from "../../../src/pki/pki-error.ts";

type Value = readonly [type: string, tag: number, text: string | Buffer];
const cn = "2.5.4.3";
const o = "2.5.4.10";
const [utf8, printable, ia5, teletex, bmp] = [0x0c, 0x13, 0x16, 0x14, 0x1e];

const attribute = ([type, tag, text]: Value) => sequence(oid(type), tlv(tag, Buffer.from(text)));
const name = (...rdns: (readonly Value[])[]) => {
  const der = sequence(...rdns.map((rdn) => set(...rdn.map(attribute))));
  return readName(new DerReader(der, "name"), "name");
};
const common = (tag: number, text: string | Buffer) => name([[cn, tag, text]]);

describe("Name", () => {
  it.each([
    ["case", common(utf8, "Robot"), common(utf8, "rOBOT")],
    ["the string type", common(utf8, "Robot"), common(printable, "Robot")],
    ["outer and repeated spaces", common(utf8, "  a   b "), common(utf8, "a b")],
    ["Unicode composition", common(utf8, "Cafe\u0301"), common(utf8, "CAF\u00C9")],
    ["ß and ss", common(utf8, "Straße"), common(utf8, "STRASSE")],
    ["characters without meaning", common(utf8, "ro\u00ADbot"), common(utf8, "robot")],
    ["BMPString", common(bmp, Buffer.from("\0a\0b")), common(utf8, "ab")],
    [
      "the order within an RDN",
      name([
        [cn, utf8, "a"],
        [o, utf8, "b"],
      ]),
      name([
        [o, utf8, "b"],
        [cn, utf8, "a"],
      ]),
    ],
  ])("compares without regard to %s", (_, a, b) => {
    expect(a.equals(b)).toBe(true);
  });

  it.each([
    ["text", common(utf8, "a"), common(utf8, "b")],
    ["type", name([[cn, utf8, "a"]]), name([[o, utf8, "a"]])],
    ["order of RDNs", name([[cn, utf8, "a"]], [[o, utf8, "b"]]), name([[o, utf8, "b"]], [[cn, utf8, "a"]])],
    [
      "grouping into RDNs",
      name([
        [cn, utf8, "a"],
        [o, utf8, "b"],
      ]),
      name([[cn, utf8, "a"]], [[o, utf8, "b"]]),
    ],
    ["an inner space", common(utf8, "ab"), common(utf8, "a b")],
    ["TeletexString, which nobody can read for sure", common(teletex, "a"), common(utf8, "a")],
    ["characters that are prohibited", common(utf8, "a\uE000"), common(utf8, "A\uE000")],
    ["a prefix", name([[cn, utf8, "a"]]), name([[cn, utf8, "a"]], [[cn, utf8, "b"]])],
  ])("tells names apart by %s", (_, a, b) => {
    expect(a.equals(b)).toBe(false);
  });

  it("holds an unreadable value equal to itself", () => {
    expect(common(utf8, Buffer.of(0xff)).equals(common(utf8, Buffer.of(0xff)))).toBe(true);
    expect(common(utf8, Buffer.of(0xff)).equals(common(utf8, Buffer.of(0xfe)))).toBe(false);
  });

  it("writes RFC 4514: last RDN first, escapes, unknown types in hexadecimal", () => {
    const text = name(
      [["2.5.4.6", printable, "DE"]],
      [[o, utf8, ' a,b+"c"\\<d>;# ']],
      [
        [cn, utf8, "#x"],
        ["1.2.3", utf8, "y"],
      ],
    ).text;
    expect(text).toBe(String.raw`CN=\#x+1.2.3=#0c0179,O=\ a\,b\+\"c\"\\\<d\>\;#\ ,C=DE`);
  });

  it("cannot be made to forge a line in a log, nor to turn text around", () => {
    expect(common(utf8, "a\nb\u202Ec\0").text).toBe(String.raw`CN=a\0ab\e2\80\aec\00`);
  });

  it.each([
    ["an empty RDN", sequence(set())],
    ["an attribute without value", sequence(set(sequence(oid(cn))))],
    [
      "an attribute with two values",
      sequence(set(sequence(oid(cn), tlv(ia5, Buffer.from("a")), tlv(ia5, Buffer.from("b"))))),
    ],
  ])("refuses %s", (_, der) => {
    expect(() => readName(new DerReader(der, "name"), "name")).toThrow(PkiError);
  });
});
