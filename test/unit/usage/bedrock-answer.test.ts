import { describe, expect, it } from "vitest";
import { converseAnswer, converseEvents, usageOf } from "../../../src/dev/aws/answers.ts";
import { readBedrockAnswer } from "../../../src/usage/bedrock-answer.ts";

const request = { messages: [{ content: [{ text: "one two three" }] }] };
const { inputTokens, outputTokens } = usageOf(request);
const json = Buffer.from(JSON.stringify(converseAnswer(request)));
const events = Buffer.concat([...converseEvents(request)]);

describe("an answer of Bedrock's", () => {
  it.each([
    ["application/json", json],
    ["Application/JSON; charset=utf-8", json],
    ["application/vnd.amazon.eventstream", events],
    ["Application/Vnd.Amazon.EventStream; x=y", events],
  ])("of type %s is read as that", (type, body) => {
    const reader = readBedrockAnswer(["X-Other", "1", "Content-Type", type]);
    reader?.push(body);
    expect(reader?.end()).toEqual({ inputTokens, outputTokens });
  });

  it("without a type may tell its usage in its headers", () => {
    expect(readBedrockAnswer(["x-amzn-bedrock-input-token-count", "12"])?.end()).toMatchObject({
      inputTokens: 12,
    });
  });

  it("that is compressed is not read", () => {
    const headers = ["content-type", "application/json", "content-encoding", "gzip"];
    expect(readBedrockAnswer(headers)).toBeUndefined();
  });
});
