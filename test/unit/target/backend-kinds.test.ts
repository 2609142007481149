import { describe, expect, it } from "vitest";
import { isTakenBy } from "../../../src/target/backend-kinds.ts";
import { operations } from "../../../src/target/operations.ts";

describe("the kinds of backends", () => {
  it("share one operation and nothing else", () => {
    const both = operations.filter((row) => isTakenBy(row, "bedrock") && isTakenBy(row, "azure-openai"));
    expect(both.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /openai/v1/chat/completions"]);
  });

  it("leave no operation without a backend", () => {
    expect(operations.filter((row) => !isTakenBy(row, "bedrock") && !isTakenBy(row, "azure-openai"))).toEqual(
      [],
    );
    expect(operations.filter((row) => isTakenBy(row, "bedrock"))).toHaveLength(6);
  });
});
