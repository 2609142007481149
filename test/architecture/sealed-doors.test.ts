import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const sources = globSync("src/**/*.ts", { cwd: root });
const usersOf = (word: string) =>
  sources
    .filter((path) => new RegExp(`\\b${word}\\b`).test(readFileSync(join(root, path), "utf8")))
    .toSorted();

/**
 * Functions that make a proof, or take one's word for it, stand open to a few files by name: whoever else could call
 * them could get around a check.
 */
describe("only the files that must", () => {
  it.each([
    ["make a verified path", "sealVerifiedPath", ["src/pki/verified-path.ts", "src/pki/verify-path.ts"]],
    [
      "take a CRL's index for read",
      "reviveCrl",
      ["src/pki/crl.ts", "src/trust/crl-reader.ts", "src/trust/crl-work.ts"],
    ],
    ["take a CRL's signature for checked", "noteSignature", ["src/pki/crl.ts", "src/trust/crl-reader.ts"]],
    [
      "take a handshake for not asked",
      '"not-asked"',
      ["src/cli/explain.ts", "src/identity/client-certificate.ts"],
    ],
  ])("%s", (_what, word, expected) => {
    expect(usersOf(word.startsWith('"') ? word.slice(1, -1) : word)).toEqual(expected);
  });
});
