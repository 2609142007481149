import { describe, expect, it } from "vitest";
import { converseAnswer, usageOf } from "../../../src/dev/aws/answers.ts";
import { readBedrockJson } from "../../../src/usage/bedrock-json.ts";

const request = { messages: [{ content: [{ text: "one two three" }] }] };

function usageIn(text: string, headers: readonly string[] = []) {
  const reader = readBedrockJson(headers);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1000) reader.push(bytes.subarray(at, at + 1000));
  return reader.end();
}

describe("the usage in a whole answer of Bedrock's", () => {
  it("stands in its body", () => {
    const { inputTokens, outputTokens } = usageOf(request);
    expect(usageIn(JSON.stringify(converseAnswer(request)))).toEqual({ inputTokens, outputTokens });
  });

  it("stands in its headers, whatever the body is", () => {
    const headers = ["X-Amzn-Bedrock-Input-Token-Count", "12", "x-amzn-bedrock-output-token-count", "30"];
    expect(usageIn("not JSON", headers)).toEqual({ inputTokens: 12, outputTokens: 30 });
  });

  it("has no output where embeddings were made", () => {
    expect(usageIn("{}", ["x-amzn-bedrock-input-token-count", "12"])).toEqual({
      inputTokens: 12,
      outputTokens: 0,
    });
  });

  it.each([
    ["", []],
    ["{", []],
    ["null", []],
    ['{"usage":null}', []],
    ['{"usage":{"inputTokens":"many"}}', []],
    ["{}", ["x-amzn-bedrock-input-token-count", "1e3"]],
  ])("is unknown in %j", (text, headers) => {
    expect(usageIn(text, headers)).toBeUndefined();
  });

  it("is unknown in an answer that is too long to be held", () => {
    const long = { ...converseAnswer(request), filler: "x".repeat(9 * 1024 * 1024) };
    expect(usageIn(JSON.stringify(long))).toBeUndefined();
  });
});
