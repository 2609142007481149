import { describe, expect, it } from "vitest";
import { bedrockPath, isTakenBy } from "../../../src/target/backend-kinds.ts";
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

describe("a path with a backend's own model id", () => {
  it.each([
    ["anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1%3A0"],
    [
      "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x-v1:0",
      "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0",
    ],
    ["../admin?x#y%z", "..%2Fadmin%3Fx%23y%25z"],
    ["a'(b)*!~", "a%27%28b%29%2A%21~"],
  ])("holds %s as one segment", (id, segment) => {
    expect(bedrockPath("/model/claude/converse-stream", id)).toBe(`/model/${segment}/converse-stream`);
  });

  it.each(["", ".", ".."])("is not made for the id %j", (id) => {
    expect(() => bedrockPath("/model/claude/converse", id)).toThrow(TypeError);
  });

  it.each(["/openai/v1/chat/completions", "/model/claude", "/model/a/b/converse"])(
    "is not made out of %s",
    (path) => {
      expect(() => bedrockPath(path, "x")).toThrow(TypeError);
    },
  );
});
