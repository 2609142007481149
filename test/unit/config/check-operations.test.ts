import { describe, expect, it } from "vitest";
import { checkOperations } from "../../../src/config/check-operations.ts";
import { formatPath } from "../../../src/config/problem.ts";

function problems(operations: unknown): string[] {
  const found: string[] = [];
  checkOperations({ path: [], value: { operations } }, (path, message) =>
    found.push(`${formatPath(path)}: ${message}`),
  );
  return found;
}

const rerank = {
  name: "rerank",
  group: "inference",
  method: "POST",
  path: "/openai/v1/rerank",
  deployment: "body",
  shape: "completions",
};

describe("checkOperations", () => {
  it("takes a row that fits into the table", () => {
    expect(problems([rerank])).toEqual([]);
  });

  it("tells of each row that does not, at its own place", () => {
    expect(
      problems([
        { ...rerank, path: "/openai/v1/embeddings" },
        rerank,
        { ...rerank, path: "/openai/v1/other", shape: "plain" },
      ]),
    ).toEqual([
      "operations[0]: POST /openai/v1/embeddings stands in the table already",
      "operations[2]: no body of this shape or form names a deployment",
    ]);
  });

  it("counts rows of a wrong shape in, which the schema reports", () => {
    expect(
      problems([
        { ...rerank, group: "everything" },
        { ...rerank, path: "nowhere" },
      ]),
    ).toEqual([expect.stringMatching(/^operations\[1\]: the path/)]);
  });

  it("finds two rows that are one", () => {
    expect(problems([rerank, rerank])).toEqual([expect.stringMatching(/^operations\[1\]: /)]);
  });
});
