import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeEvent, encodeMessage } from "../../src/dev/aws/event-stream.ts";
import { readBedrockEventStream } from "../../src/usage/event-stream.ts";

const count = fc.nat(1_000_000);
const filler = fc.oneof(
  fc.string({ maxLength: 300 }).map((text) => encodeEvent("contentBlockDelta", { delta: { text } })),
  fc
    .tuple(fc.stringMatching(/^[a-z:-]{1,20}$/), fc.uint8Array({ maxLength: 300 }))
    .map(([name, payload]) => encodeMessage({ [name]: "x" }, payload)),
);
/** Where a stream is cut. */
const cuts = fc.array(fc.nat(3000), { maxLength: 12 });

function inPieces(bytes: Buffer, at: readonly number[]) {
  const reader = readBedrockEventStream();
  const ends = [...at.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    reader.push(bytes.subarray(from, end));
    from = end;
  }
  return reader.end();
}

describe("the usage in any event stream", () => {
  it("is found wherever it stands and however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(filler, { maxLength: 6 }),
        fc.array(filler, { maxLength: 3 }),
        count,
        count,
        cuts,
        (before, after, inputTokens, outputTokens, at) => {
          const usage = encodeEvent("metadata", { usage: { inputTokens, outputTokens } });
          expect(inPieces(Buffer.concat([...before, usage, ...after]), at)).toEqual({
            inputTokens,
            outputTokens,
          });
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("is never believed when a byte was changed, and no bytes make the reader throw", () => {
    fc.assert(
      fc.property(
        fc.array(filler, { maxLength: 4 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        cuts,
        (before, where, change, at) => {
          const bytes = Buffer.concat([
            ...before,
            encodeEvent("metadata", { usage: { inputTokens: 1, outputTokens: 2 } }),
          ]);
          const place = where % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ change;
          expect(inPieces(bytes, at)).toBeUndefined();
        },
      ),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), cuts, (bytes, at) => {
        expect(inPieces(Buffer.from(bytes), at)).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
  });
});
