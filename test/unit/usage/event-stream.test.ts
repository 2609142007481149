import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { converseEvents, invokeEvents, usageOf } from "../../../src/dev/aws/answers.ts";
import { encodeEvent, encodeMessage } from "../../../src/dev/aws/event-stream.ts";
import { readBedrockEventStream } from "../../../src/usage/event-stream.ts";

const request = { messages: [{ content: [{ text: "one two three" }] }] };
const { inputTokens, outputTokens } = usageOf(request);

function usageIn(bytes: Buffer, pieceLength = bytes.length) {
  const reader = readBedrockEventStream();
  for (let at = 0; at < bytes.length; at += pieceLength) reader.push(bytes.subarray(at, at + pieceLength));
  return reader.end();
}

const converse = Buffer.concat([...converseEvents(request)]);
const invoke = Buffer.concat([...invokeEvents(request)]);
/** A large message that begins like any other. */
const image = (length: number) => encodeEvent("contentBlockDelta", { delta: { text: "x".repeat(length) } });

describe("the usage in an event stream", () => {
  it.each([1, 2, 3, 7, 11, 12, 13, 64, 10_000])("is read in pieces of %d bytes", (length) => {
    expect(usageIn(converse, length)).toEqual({ inputTokens, outputTokens });
    expect(usageIn(invoke, length)).toEqual({ inputTokens, outputTokens });
  });

  it("tells what a cache gave back as a part of the input", () => {
    const usage = { inputTokens: 5, outputTokens: 7, cacheReadInputTokens: 100, cacheWriteInputTokens: 20 };
    expect(usageIn(encodeEvent("metadata", { usage }))).toEqual({
      inputTokens: 125,
      outputTokens: 7,
      cachedInputTokens: 100,
    });
  });

  it.each([300_000, 1_000_000])(
    "is read behind a message of %d bytes, which is proved but not held",
    (length) => {
      const stream = Buffer.concat([image(length), converse]);
      for (const piece of [stream.length, 65_536, 1000])
        expect(usageIn(stream, piece)).toEqual({ inputTokens, outputTokens });
      const spoilt = Buffer.from(stream);
      spoilt[length >> 1] = 0x79;
      expect(usageIn(spoilt, 65_536)).toBeUndefined();
      const spoiltTrailer = Buffer.from(stream);
      const last = stream.readUInt32BE(0) - 1;
      spoiltTrailer[last] = (spoiltTrailer[last] ?? 0) ^ 1;
      expect(usageIn(spoiltTrailer, 65_536)).toBeUndefined();
    },
  );

  it("is unknown when the stream broke off, even behind its usage", () => {
    expect(usageIn(converse.subarray(0, -1))).toBeUndefined();
    expect(usageIn(Buffer.concat([converse, converse.subarray(0, 5)]))).toBeUndefined();
  });

  it("is unknown when any byte was changed", () => {
    const metadata = encodeEvent("metadata", { usage: { inputTokens: 5, outputTokens: 7 } });
    for (let at = 0; at < metadata.length; at += 1) {
      const spoilt = Buffer.from(metadata);
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x01;
      expect(usageIn(spoilt)).toBeUndefined();
    }
  });

  it.each<[string, Buffer]>([
    [
      "an exception",
      encodeMessage(
        { ":message-type": "exception", ":event-type": "metadata" },
        Buffer.from('{"usage":{"inputTokens":1}}'),
      ),
    ],
    ["another event", encodeEvent("messageStop", { usage: { inputTokens: 1, outputTokens: 1 } })],
    ["no object", encodeEvent("metadata", [])],
    ["no JSON", encodeMessage({ ":message-type": "event", ":event-type": "metadata" }, Buffer.from("{"))],
    ["a count that is none", encodeEvent("metadata", { usage: { inputTokens: -1, outputTokens: 1.5 } })],
    ["a count as of a prototype", encodeEvent("metadata", { usage: { constructor: 1 } })],
    ["a chunk without bytes", encodeEvent("chunk", { bytes: 7 })],
    ["nothing", Buffer.alloc(0)],
    ["a length beyond AWS's bound", Buffer.from("ffffffff00000000", "hex")],
  ])("is unknown in %s", (_, bytes) => {
    expect(usageIn(bytes)).toBeUndefined();
  });

  it("is not looked for any more in what is no event stream, however long", () => {
    const reader = readBedrockEventStream();
    for (let count = 0; count < 100; count += 1) reader.push(randomBytes(10_000));
    reader.push(converse);
    expect(reader.end()).toBeUndefined();
  });
});
