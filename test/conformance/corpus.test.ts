import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readFolder } from "./corpus.ts";
import { judgeCase } from "./judge-case.ts";
import { type Exception, isFalseAccept, isFalseReject, isSlow, runFolder } from "./run-folder.ts";

const checkout = resolve(import.meta.dirname, "../..");
const folder = process.env["CERTGATE_CONFORMANCE_DIR"] ?? resolve(checkout, "../shared/conformance");
const exceptions = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "exceptions.json"), "utf8"),
) as Exception[];

describe("exceptions.json", () => {
  it("justifies each exception", () => {
    for (const { ids, reason, why } of exceptions) {
      expect(ids.length).toBeGreaterThan(0);
      expect(reason.length).toBeGreaterThan(20);
      expect(why.length).toBeGreaterThan(40);
    }
  });
});

const absent = !existsSync(folder);
describe.skipIf(absent)(
  `the conformance corpora${absent ? ` (skipped: there is no folder ${folder})` : ""}`,
  () => {
    const run = absent ? undefined : runFolder(folder, exceptions);
    const must = run?.results.filter(({ tier }) => tier === "must") ?? [];

    it("are there to be run", () => {
      expect(must.length).toBeGreaterThan(100);
    });

    it("have no false accept, no slow case, and no false reject that is not justified", () => {
      expect(run?.complaints).toEqual([]);
      expect(must.filter(isFalseAccept)).toEqual([]);
      expect(run?.results.filter(isSlow)).toEqual([]);
      expect(must.filter(isFalseReject).length).toBeLessThanOrEqual(5);
    });

    it("agree about names", () => {
      const names = run?.results.filter(({ tier }) => tier === "names") ?? [];
      expect(names.length).toBeGreaterThan(0);
      expect(names.filter(({ expected, got }) => expected !== got)).toEqual([]);
    });

    it("are refused where only the strict profile refuses, when it is switched on", () => {
      const strict = readFolder(folder).corpora.flatMap((corpus) =>
        corpus.cases
          .filter(({ tier, expected }) => tier === "strict" && expected === "reject")
          .map((item) => ({ id: item.id, got: judgeCase(corpus, item, "strict").got })),
      );
      // Not held against anybody: how critical a cRLNumber is, and a CA/Browser Forum rule about the length of RSA keys.
      const unenforced = new Set([
        "limbo/crl::crlnumber-critical",
        "limbo/webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf",
      ]);
      expect(strict.filter(({ id, got }) => got === "accept" && !unenforced.has(id))).toEqual([]);
    });
  },
);
