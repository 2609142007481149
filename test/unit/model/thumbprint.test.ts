import { describe, expect, it } from "vitest";
import { readThumbprint } from "../../../src/model/thumbprint.ts";

const sha256 = "0123456789abcdef".repeat(4);
const sha1 = "0123456789abcdef0123456789abcdef01234567";
const pairs = sha256.match(/../g) ?? [];

describe("readThumbprint", () => {
  it.each([
    ["lower case", sha256],
    ["upper case", sha256.toUpperCase()],
    ["OpenSSL's colons", pairs.join(":").toUpperCase()],
    ["OpenSSL's whole line", `sha256 Fingerprint=${pairs.join(":").toUpperCase()}`],
    ["the spaces of the Windows dialog", pairs.join(" ")],
    ["the invisible mark that the Windows dialog pastes first", `\u200e${pairs.join(" ")}`],
    ["dashes", pairs.join("-")],
    [
      "a byte order mark, a zero width space and a no-break space",
      `\ufeff${sha256.slice(0, 8)}\u200b\u00a0${sha256.slice(8)}`,
    ],
    ["a line end", `${sha256}\r\n`],
  ])("reads %s", (_, text) => {
    expect(readThumbprint(text)).toEqual({ ok: true, thumbprint: { algorithm: "sha256", hex: sha256 } });
  });

  it("takes 40 digits for SHA-1", () => {
    expect(readThumbprint(sha1.toUpperCase())).toEqual({
      ok: true,
      thumbprint: { algorithm: "sha1", hex: sha1 },
    });
  });

  it.each([
    ["nothing", "", "it is empty"],
    ["separators only", "\u200e : ", "it is empty"],
    ["a digit too few", sha256.slice(1), "63 hex digits"],
    ["a digit too many", `${sha256}0`, "65 hex digits"],
    ["another letter", `g${sha256.slice(1)}`, '"g" is not a hex digit'],
    ["a letter O for a zero", `O${sha256.slice(1)}`, '"o" is not a hex digit'],
    ["a Cyrillic letter that looks like one", `\u0430${sha256.slice(1)}`, "U+0430 is not a hex digit"],
    ["a fullwidth digit", `\uff10${sha256.slice(1)}`, "U+FF10 is not a hex digit"],
    ["a control character", `${sha256}\u0000`, "U+0000 is not a hex digit"],
  ])("refuses %s and says why", (_, text, reason) => {
    const reading = readThumbprint(text);
    expect(reading.ok ? "read" : reading.reason).toContain(reason);
  });
});
