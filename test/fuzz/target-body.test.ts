import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonFault, scanJsonObject } from "../../src/target/json-scan.ts";
import { parseBody } from "../../src/target/parse-body.ts";
import { parseHead } from "../../src/target/parse-head.ts";
import { firstKeyWins } from "../support/first-key-wins.ts";
import { hostileBody } from "../support/hostile-requests.ts";

const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const heads = [headOf("/openai/v1/chat/completions"), headOf("/openai/v1/responses")] as const;
const quiet = { key() {}, value() {}, close() {} };

const scans = (bytes: Buffer): boolean => {
  try {
    scanJsonObject(bytes, quiet);
    return true;
  } catch (error) {
    if (error instanceof JsonFault) return false;
    throw error;
  }
};

/** What JSON.parse makes of bytes; undefined where it refuses them. */
const lenient = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
};

const keysIn = (text: string): number => text.match(/"(?:[^"\\]|\\.)*"\s*:/g)?.length ?? 0;

const mutated = hostileBody("allowed", "other");

describe("whatever parseBody allows", () => {
  it("names the same model to JSON.parse and to a parser that keeps the first of two keys", () => {
    let allowed = 0;
    fc.assert(
      fc.property(mutated, fc.constantFrom(...heads), (bytes, head) => {
        const verdict = parseBody(head, bytes);
        if (!verdict.allowed) return;
        allowed += 1;
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        expect(JSON.parse(text).model).toBe(verdict.value.deployments[0]);
        expect(firstKeyWins(text)).toMatchObject({ model: verdict.value.deployments[0] });
        // A parser that knows no escapes, and one that ignores case, find no other model at the top.
        expect(
          JSON.parse(text.replace(/\\(.)/g, (pair, letter) => (letter === "u" ? "_u" : pair))).model,
        ).toBe(verdict.value.deployments[0]);
        expect(Object.keys(JSON.parse(text)).filter((name) => name.toLowerCase() === "model")).toEqual([
          "model",
        ]);
        expect(verdict.value.stream).toBe(JSON.parse(text).stream === true);
      }),
      { numRuns: 30_000 },
    );
    expect(allowed).toBeGreaterThan(1000);
  });
});

describe("scanJsonObject", () => {
  it("never accepts what JSON.parse refuses, and refuses what it accepts only for a duplicate, a surrogate or no object", () => {
    let both = 0;
    fc.assert(
      fc.property(mutated, (bytes) => {
        const value = lenient(bytes);
        const scanned = scans(bytes);
        both += Number(scanned);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        const text = bytes.toString("utf8");
        // JSON.parse drops the first of two keys: the round trip then has fewer.
        const dropped = keysIn(JSON.stringify(value) ?? "") < keysIn(text);
        const surrogate = /\\u[dD][89a-fA-F]/.test(text);
        expect({ scanned, isObject, dropped, surrogate }).toSatisfy(
          () => (scanned && isObject && !dropped) || (!scanned && (!isObject || dropped || surrogate)),
        );
      }),
      { numRuns: 30_000 },
    );
    expect(both).toBeGreaterThan(1000);
  });

  it("accepts every object that JSON.stringify makes, at any indent", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()),
        fc.nat(4),
        (value, indent) => {
          expect(scans(Buffer.from(JSON.stringify(value, undefined, indent)))).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
