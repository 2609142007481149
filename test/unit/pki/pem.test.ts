import { describe, expect, it } from "vitest";
import { decodePem, decodePemOrDer, decodePemOrDerFile } from "../../../src/pki/pem.ts";
import { PkiError } from "../../../src/pki/pki-error.ts";

const block = (label: string, base64: string, end = label) =>
  `-----BEGIN ${label}-----\n${base64}\n-----END ${end}-----\n`;
const bytes = (text: string) => Buffer.from(text, "latin1");

describe("decodePem", () => {
  it("reads every block of its label, in order, and ignores text and other labels", () => {
    const text = `subject=CN=x\n${block("CERTIFICATE", "AQI=")}${block("PRIVATE KEY", "!!!")}\r\n${block("CERTIFICATE", "Aw\r\n==")}`;
    expect(decodePem(text, "CERTIFICATE").map((der) => [...der])).toEqual([[1, 2], [3]]);
  });

  it("reads a block that is larger than what it decodes at once", () => {
    const der = Buffer.alloc(1_000_001, "some octets");
    const lines = der.toString("base64").replace(/.{64}/g, "$&\r\n");
    const [decoded] = decodePem(block("X509 CRL", lines), "X509 CRL");
    expect(Buffer.compare(decoded!, der)).toBe(0);
  });

  it("reads nothing out of a text without blocks", () => {
    expect(decodePem("nothing here", "X509 CRL")).toEqual([]);
  });

  it.each([
    ["no end line", "-----BEGIN CERTIFICATE-----\nAQI=\n"],
    ["another end line", block("CERTIFICATE", "AQI=", "X509 CRL")],
    ["a character outside the alphabet", block("CERTIFICATE", "AQ*I=")],
    ["padding that is missing", block("CERTIFICATE", "AQI")],
    ["bits beyond the last octet", block("CERTIFICATE", "AQJ=")],
    ["nothing in it", block("CERTIFICATE", "")],
    ["a form feed in it", block("CERTIFICATE", "AQI=\f")],
    ["padding midway", block("CERTIFICATE", "AQ==AQI=")],
    ["padding midway, far in", block("CERTIFICATE", `${"AAAA".repeat(65_535)}AA==${"AAAA".repeat(10)}`)],
  ])("refuses a block with %s", (_, text) => {
    expect(() => decodePem(text, "CERTIFICATE")).toThrow(PkiError);
  });
});

describe("decodePemOrDer", () => {
  it("takes DER as it stands", () => {
    expect(decodePemOrDer(Buffer.of(0x30, 0), "CERTIFICATE")).toEqual([Buffer.of(0x30, 0)]);
  });

  it("takes several PEM blocks", () => {
    expect(
      decodePemOrDer(bytes(block("X509 CRL", "AQ==") + block("X509 CRL", "Ag==")), "X509 CRL"),
    ).toHaveLength(2);
  });

  it("refuses a file that holds nothing of its label: an empty trust file is a mistake", () => {
    expect(() => decodePemOrDer(bytes(block("X509 CRL", "AQ==")), "CERTIFICATE")).toThrow(PkiError);
  });
});

describe("decodePemOrDerFile", () => {
  /** A file of which a piece is gone once the next was asked for. */
  function fileOf(content: Uint8Array) {
    let piece = Buffer.alloc(0);
    let longest = 0;
    const read = (from: number, to: number) => {
      if (to > content.length) throw new Error("beyond the end");
      piece.fill(0);
      piece = Buffer.from(content.subarray(from, to));
      longest = Math.max(longest, piece.length);
      return piece;
    };
    return { file: { length: content.length, read }, longestPiece: () => longest };
  }
  const decode = (content: Uint8Array) =>
    decodePemOrDerFile(fileOf(content).file, "X509 CRL", (length) => new Uint8Array(length));
  const der = Buffer.alloc(1_000_001, "0some octets");
  const pem = block("X509 CRL", der.toString("base64").replace(/.{64}/g, "$&\r\n"));

  it("reads DER and PEM in small pieces, however large they are", () => {
    for (const content of [der, bytes(pem)]) {
      const { file, longestPiece } = fileOf(content);
      const [decoded] = decodePemOrDerFile(file, "X509 CRL", (length) => Buffer.alloc(length));
      expect(Buffer.compare(decoded!, der)).toBe(0);
      expect(longestPiece()).toBeLessThan(100_000);
    }
  });

  it("finds a block wherever the pieces' ends cut its lines", () => {
    const small = block("X509 CRL", "AQI=");
    for (let before = 65_536 - small.length; before <= 65_536; before += 1)
      expect(decode(bytes(" ".repeat(before) + small + small)).map((found) => [...found])).toEqual([
        [1, 2],
        [1, 2],
      ]);
  });

  it.each([
    ["nothing", ""],
    ["a begin line alone", "-----BEGIN X509 CRL-----"],
    ["an end line that is cut short", pem.slice(0, -10)],
    ["a block that is cut short", pem.slice(0, 500_000)],
    ["damage far in", `${pem.slice(0, 500_000)}*${pem.slice(500_001)}`],
    ["padding midway", block("X509 CRL", `${"AAAA".repeat(20_000)}AA==${" ".repeat(70_000)}AAAA`)],
  ])("refuses a file that holds %s", (_, text) => {
    expect(() => decode(bytes(text))).toThrow(PkiError);
  });
});
