import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { objectKinds } from "../../../src/model/object-kind.ts";
import { operationGroups } from "../../../src/model/operation-group.ts";
import { features } from "../../../src/target/features.ts";
import { operations } from "../../../src/target/operations.ts";
import { shapes } from "../../../src/target/shapes/shapes.ts";
import { rowOf } from "./operations-doc.ts";

const document = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
/** The rows of the operations, however the formatter aligned their cells. */
const documented = document
  .split("\n")
  .filter((line) => /^\| `(?:GET|POST|DELETE) /.test(line))
  .map((line) => line.replaceAll(/ +/g, " "));

describe("docs/operations.md", () => {
  it("has the row of each operation, and no other, in the table's order", () => {
    const byGroup = operationGroups.flatMap((group) => operations.filter((row) => row.group === group));
    expect(documented).toEqual(byGroup.map(rowOf));
  });

  it("has a section for each group, with its operations in it", () => {
    const sections = document.split(/^### /m).slice(1);
    const groups = sections.map((section) => /^`([a-z-]+)`/.exec(section)?.[1]);
    expect(groups).toEqual(operationGroups.filter((group) => operations.some((row) => row.group === group)));
    expect(
      sections.map(
        (section) => section.split("\n").filter((line) => /^\| `(?:GET|POST|DELETE) /.test(line)).length,
      ),
    ).toEqual(groups.map((group) => operations.filter((row) => row.group === group).length));
  });

  it.each([
    ["switches", features],
    ["kinds of objects", Object.keys(objectKinds)],
    ["shapes", Object.keys(shapes)],
  ])("names all %s", (_, names) => {
    for (const name of names) expect(document).toContain(`\`${name}\``);
  });
});
