import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** All that the credentials, and what keeps their values, can say. */
const said = ["src/credential/**/*.ts", "src/kernel/refreshing.ts"]
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .map(read)
  .join("\n");

/** The cells of the table whose second or first column begins so, as the pieces between dots, semicolons and codes. */
function sentences(file: string, heading: RegExp, column: number): string[] {
  const lines = read(file).split("\n");
  const start = lines.findIndex((line) => heading.test(line));
  expect(start).toBeGreaterThan(0);
  const rows = lines.slice(start + 2, lines.indexOf("", start));
  return rows.flatMap((row) =>
    (row.split("|")[column] ?? "")
      .split(/;|\.\.\.|\([^)]*\)/)
      .map((piece) => piece.trim())
      .filter((piece) => piece !== ""),
  );
}

describe("what the documents quote of a credential's faults", () => {
  const azure = sentences("docs/credentials.md", /\| the sentence says /, 2);
  const aws = sentences("docs/credentials-aws.md", /^\| it says /, 1);

  it("is many sentences", () => {
    expect(azure.length).toBeGreaterThan(40);
    expect(aws.length).toBeGreaterThan(12);
  });

  it.each([...azure, ...aws])("is said by the program: %s", (piece) => {
    expect(said).toContain(piece);
  });

  it("names every number of Entra's that has a sentence of its own, and no other", () => {
    const known = [...read("src/credential/adapters/entra.ts").matchAll(/^ {2}(\d{5,8}):/gm)].map(
      ([, code]) => code ?? "",
    );
    expect(known.length).toBeGreaterThan(15);
    const document = read("docs/credentials.md");
    expect(known.filter((code) => !document.includes(code))).toEqual([]);
    const documented = [...document.matchAll(/\((AADSTS[^)]*)\)/g)].flatMap(([, codes]) =>
      [...(codes ?? "").matchAll(/\d{5,8}/g)].map(([code]) => code),
    );
    expect(documented.filter((code) => !known.includes(code))).toEqual([]);
  });
});
