import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue, describeError, type ErrorCode } from "../../src/kernel/error-catalogue.ts";

const root = join(import.meta.dirname, "../..");
const document = readFileSync(join(root, "docs/errors.md"), "utf8");
const rows = document
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()));
const documented = new Map(rows.map(([, code = "", ...cells]) => [code.replaceAll("`", ""), cells]));
const codes = Object.keys(catalogue) as ErrorCode[];

describe("docs/errors.md", () => {
  it.each(codes)("documents %s with its status and advice for both sides", (code) => {
    const [status, meaning, caller, operator] = documented.get(code) ?? [];
    expect(Number(status)).toBe(describeError(code).status);
    for (const text of [meaning, caller, operator]) expect(text).toMatch(/\w.*\.$/);
  });

  it("documents no code that does not exist", () => {
    expect([...documented.keys()].filter((code) => !(code in catalogue))).toEqual([]);
  });

  it("documents each code once", () => {
    expect(rows.length).toBe(documented.size);
  });

  it("shows an example that is the catalogue's own answer", () => {
    const example = JSON.parse(/```json\n([^`]*)```/.exec(document)?.[1] ?? "") as {
      error: { code: ErrorCode };
    };
    const { type, message } = describeError(example.error.code);
    expect(example).toEqual({ error: { code: example.error.code, message, type, param: null } });
  });
});
