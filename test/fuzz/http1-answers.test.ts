import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerFault } from "../../src/forward/adapters/http1/answer-head.ts";
import { AnswerReader } from "../../src/forward/adapters/http1/answer-reader.ts";
import { readByNode, type Reading } from "../support/node-reading.ts";

/** The first answer that our reader finds, and in which piece it ends; undefined where it takes the bytes for no complete one. */
function findByUs(
  pieces: readonly Uint8Array[],
  method: string,
): { reading: Reading; at: number } | undefined {
  let at = 0;
  let [status, body, ends] = [0, "", 0];
  let headers: readonly string[] = [];
  const isOver = () => ends > 0;
  const reader = new AnswerReader({
    head(is, raw) {
      [status, headers] = [is, raw];
    },
    data(piece) {
      if (ends > 0) throw new Error("data behind the end");
      body += Buffer.from(piece).toString("latin1");
    },
    end() {
      ends += 1;
    },
  });
  reader.expect(method);
  try {
    for (const piece of pieces) {
      if (isOver()) break;
      reader.read(Buffer.from(piece));
      at += 1;
    }
    if (!isOver()) reader.end();
  } catch (fault) {
    if (!(fault instanceof AnswerFault)) throw fault;
  }
  if (ends > 1) throw new Error("one answer became two");
  return ends === 1 ? { reading: { status, headers, body }, at } : undefined;
}

const readByUs = (pieces: readonly Uint8Array[], method: string) => findByUs(pieces, method)?.reading;

/** How many bytes our reader takes for the first answer. */
const lengthByUs = (bytes: Buffer, method: string) =>
  findByUs(
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
    method,
  )?.at;

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends
    .map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
    .filter(({ length }) => length > 0);
}

const cuts = fc.array(fc.nat(2000), { maxLength: 8 });
const method = fc.constantFrom("GET", "POST", "HEAD");
const name = fc.stringMatching(/^x-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}$/);
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const pair = fc.tuple(name, value);
const body = fc.stringMatching(/^[\s\S]{0,60}$/).map((text) => latin1(text).toString("latin1"));

interface Written {
  readonly text: string;
  readonly reading: Reading;
  readonly isFramed: boolean;
}

/** An answer in one of the ways in which it may be written, and how it is to be read. */
const answer: fc.Arbitrary<Written & { readonly method: string }> = fc
  .record({
    method,
    status: fc.constantFrom(200, 201, 204, 304, 400, 401, 429, 500, 503, 599),
    reason: fc.constantFrom("", " ", " OK", " Too Many", " \t\x80"),
    before: fc.array(pair, { maxLength: 4 }),
    after: fc.array(pair, { maxLength: 4 }),
    padding: fc.constantFrom("", " ", "\t ", "   "),
    framing: fc.constantFrom("length", "chunked", "until-close"),
    body: fc.array(body, { maxLength: 4 }),
    extension: fc.constantFrom("", "", ";a", ";a=b", ";a=b;c"),
    trailers: fc.array(pair, { maxLength: 2 }),
    interim: fc.array(fc.constantFrom(100, 102, 103), { maxLength: 2 }),
  })
  .map((parts) => {
    const { status, framing, extension } = parts;
    const pieces = parts.body.filter((piece) => piece !== "");
    const hasNoBody = parts.method === "HEAD" || status === 204 || status === 304;
    const whole = pieces.join("");
    const own = {
      length: [["Content-Length", String(whole.length)] as const],
      chunked: [["Transfer-Encoding", "chunked"] as const],
      "until-close": [],
    }[hasNoBody ? "until-close" : framing];
    const headers = [...parts.before, ...own, ...parts.after];
    const lines = headers.map(([key, text]) => `${key}:${parts.padding}${text}\r\n`).join("");
    const interim = parts.interim.map((early) => `HTTP/1.1 ${early} Wait\r\nx-early: 1\r\n\r\n`).join("");
    const chunks = pieces.map((piece) => `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`).join("");
    const trailers = parts.trailers.map(([key, text]) => `${key}: ${text}\r\n`).join("");
    const sent = framing === "chunked" ? `${chunks}0\r\n${trailers}\r\n` : whole;
    return {
      method: parts.method,
      text: `${interim}HTTP/1.1 ${status}${parts.reason}\r\n${lines}\r\n${hasNoBody ? "" : sent}`,
      reading: { status, headers: headers.flat(), body: hasNoBody ? "" : whole },
      isFramed: hasNoBody || framing !== "until-close",
    };
  });

/** What breaks messages apart, or seems to. */
const nasty = fc.constantFrom(
  ...Array.from("\r\n\t :;,0149afx+-\0\x7f\x80\xff"),
  ..."\r\n|\n\n|\r\n\r\n|\r\n |\r\nContent-Length: 3|\r\nTransfer-Encoding: chunked|\r\nConnection: close|0\r\n\r\n".split(
    "|",
  ),
  ..."\r\nContent-Length:|, chunked|chunked|HTTP/1.1 200 OK\r\n\r\n|HTTP/1.1 |\r\nTransfer-Encoding:\r\n chunked".split(
    "|",
  ),
);
const mutation = fc.record({ at: fc.nat(2000), drop: fc.nat(3), put: fc.option(nasty, { nil: "" }) });
const mutated = fc
  .tuple(answer, fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([{ text, method: asked }, mutations]) => ({
    method: asked,
    text: mutations.reduce((now, { at, drop, put }) => {
      const place = at % (now.length + 1);
      return `${now.slice(0, place)}${put}${now.slice(place + drop)}`;
    }, text),
  }));

describe("an answer of a backend", () => {
  it("is read as it was written, however it is written and cut, as Node reads it", async () => {
    await fc.assert(
      fc.asyncProperty(answer, cuts, async ({ text, method: asked, reading }, at) => {
        const pieces = cut(latin1(text), at);
        expect(readByUs(pieces, asked)).toEqual(reading);
        expect(await readByNode(pieces, asked)).toEqual(reading);
      }),
      { numRuns: 500 },
    );
  });

  it("that we take for one is the same to Node, to its last byte, whatever was done to it", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(mutated, cuts, async ({ text, method: asked }, at) => {
        const ours = readByUs(cut(latin1(text), at), asked);
        const length = lengthByUs(latin1(text), asked);
        expect(length === undefined).toBe(ours === undefined);
        if (ours === undefined) return;
        taken += 1;
        // What stands behind it is no part of it: Node would refuse both where they come together.
        expect(await readByNode(cut(latin1(text.slice(0, length)), at), asked)).toEqual(ours);
      }),
      { numRuns: 3000 },
    );
    // It would say nothing, were all refused.
    expect(taken).toBeGreaterThan(300);
  });

  it("takes no byte of the next one with it", () => {
    fc.assert(
      fc.property(
        answer.filter(({ isFramed }) => isFramed),
        fc.string({ minLength: 1 }),
        cuts,
        ({ text, method: asked, reading }, more, at) => {
          expect(readByUs(cut(latin1(text + more), at), asked)).toEqual(reading);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of noise is none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (noise, at) => {
        expect(readByUs(cut(Buffer.from(noise), at), "GET")).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
