import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMultipart, startMultipart } from "../../src/target/multipart/start-multipart.ts";
import type { Target } from "../../src/model/target.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { parseHead } from "../../src/target/parse-head.ts";

const boundary = "fuzz";
const type = `multipart/form-data; boundary=${boundary}`;
const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", type] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const head = headOf("/openai/v1/audio/transcriptions");
const upload = headOf("/openai/v1/files");

/** Spellings of headers, line ends and delimiters that receivers are known to disagree on. */
const lineEnd = fc.oneof(
  { weight: 30, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\n ", "", "\r\n\r\n") },
);
const disposition = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      'Content-Disposition: form-data; name="model"',
      'Content-Disposition: form-data; name="file"; filename="a"',
      'Content-Disposition: form-data; name="prompt"',
      "content-disposition: form-data; name=model",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Content-Disposition: form-data; name="Model"',
      'Content-Disposition: form-data; name="model[]"',
      'Content-Disposition: form-data; name="mod%65l"',
      'Content-Disposition: form-data; name="prompt"; name="model"',
      'Content-Disposition: form-data; name="x\\"; name="model"',
      'Content-Disposition: form-data; name="file"; filename="a\\"; name="model"',
      "Content-Disposition: form-data; name*=utf-8''model",
      'Content-Disposition: form-data; name="model"; filename="a"',
      'Content-Disposition: form-data; name="file"; filename=""',
      "Content-Type: text/plain",
      "Content-Transfer-Encoding: base64",
      "",
    ),
  },
);
const content = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("allowed", "other", "x", "") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\n--fuzz\nContent-Disposition: form-data; name="model"\n\nother\n',
      '\r\n--fuzz \r\nContent-Disposition: form-data; name="model"\r\n\r\nother',
      "\r\n--fuz",
      "--fuzz--",
      "\r\n--fuzzy",
      "allowed ",
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
);
const part = fc
  .tuple(fc.array(disposition, { minLength: 1, maxLength: 2 }), lineEnd, content, lineEnd)
  .map(([lines, end, text, last]) => `--fuzz${end}${lines.join(end)}${end}${end}${text}${last}`);
const good = 'Content-Disposition: form-data; name="model"\r\n\r\nallowed\r\n';
const form = fc
  .tuple(
    fc.boolean(),
    fc.array(part, { maxLength: 4 }),
    fc.constantFrom("--fuzz--\r\n", "--fuzz--", "--fuzz--\r\n--fuzz\r\n", ""),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom("strike", "double", "plant"), fc.nat(255)), { maxLength: 2 }),
  )
  .map(([named, parts, end, edits]) => {
    const bytes = [...Buffer.from(`${named ? `--fuzz\r\n${good}` : ""}${parts.join("")}${end}`)];
    for (const [where, edit, byte] of edits) {
      const at = where % (bytes.length + 1);
      if (edit === "strike") bytes.splice(at, 1);
      else bytes.splice(at, 0, edit === "double" ? (bytes[at] ?? byte) : byte);
    }
    return Buffer.from(bytes);
  });

/** The laxest receiver: any line end, padding, case and quoting; every part that some receiver could find. */
function laxModels(bytes: Buffer): string[] {
  const text = bytes.toString("latin1").replaceAll(/\r\n?/g, "\n");
  return text
    .split(/(?:^|\n)--fuzz[^\n]*(?:\n|$)/)
    .map((piece) => /^([\s\S]*?)\n\n([\s\S]*)$/.exec(piece))
    .filter((match) => match !== null)
    .filter(([, headers = ""]) =>
      /name\*?\s*=\s*(?:utf-8'')?"?model(?:\[[^\]]*\])?"?\s*(?:;|\n|$)/i.test(headers),
    )
    .map(([, , value = ""]) => value);
}

/** Node's own reader; undefined where it refuses. */
async function nodeModels(bytes: Buffer): Promise<unknown[] | undefined> {
  try {
    // oxlint-disable-next-line typescript/no-deprecated -- the point is what a naive receiver makes of it
    const read = await new Response(bytes, { headers: { "content-type": type } }).formData();
    return read.getAll("model");
  } catch {
    return undefined;
  }
}

/** The last verdict, once all was pushed; the target that was given on the way must be the same. */
function feed(bytes: Buffer, sizes: readonly number[]): Verdict<Target> {
  const reader = startMultipart(head);
  let given: Verdict<Target> | undefined;
  for (let from = 0, at = 0; from < bytes.length; at += 1) {
    const size = sizes[at % sizes.length] ?? 1;
    const answer = reader.push(bytes.subarray(from, from + size));
    from += size;
    if (answer === "more") continue;
    if (!answer.allowed) return answer;
    given = answer;
  }
  const last = reader.end();
  return last.allowed && given !== undefined ? given : last;
}

describe("whatever form is allowed", () => {
  it("names one and the same model to Node's reader, and to the laxest one", async () => {
    let allowed = 0;
    let read = 0;
    await fc.assert(
      fc.asyncProperty(form, async (bytes) => {
        const verdict = readMultipart(head, bytes);
        if (!verdict.allowed) return;
        allowed += 1;
        expect(laxModels(bytes)).toEqual(verdict.value.deployments);
        // Node looks for the boundary without its dashes, and refuses content that holds it: no second meaning.
        const seen = await nodeModels(bytes);
        read += Number(seen !== undefined);
        expect(seen ?? verdict.value.deployments).toEqual(verdict.value.deployments);
      }),
      { numRuns: 20_000 },
    );
    expect(allowed).toBeGreaterThan(200);
    expect(read).toBeGreaterThan(allowed * 0.9);
  });

  it("has the same answer in any pieces", () => {
    fc.assert(
      fc.property(form, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (bytes, sizes) => {
        const whole = readMultipart(head, bytes);
        const inPieces = feed(bytes, sizes);
        expect(inPieces.allowed).toBe(whole.allowed);
        const deploymentsOf = (verdict: Verdict<Target>) => verdict.allowed && verdict.value.deployments;
        expect(deploymentsOf(inPieces)).toEqual(deploymentsOf(whole));
      }),
      { numRuns: 10_000 },
    );
  });
});

const request = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constant('{"url":"/chat/completions","body":{"model":"allowed","messages":[]}}'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"url":"/chat/completions","body":{"model":"other"}}',
      '{"url":"/chat/completions","body":{"model":"allowed","model":"other"}}',
      '{"url":"/chat/completions","body":{"\\u006dodel":"other","model":"allowed"}}',
      '{"url":"/chat/completions","body":{"model":"allowed"},"body":{"model":"other"}}',
      '{"url":"/v1/responses","body":{"model":"allowed","tools":[{"type":"mcp","model":"other"}]}}',
      '{"body":{"model":"other","url":"/chat/completions"}}',
      "{}",
      "",
    ),
  },
);
const separator = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r", "\n\n", "\u2028", " ", ",");

describe("whatever batch is allowed", () => {
  it("names one deployment in each line, to each reader of lines", () => {
    let allowed = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(request, separator), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (all, first) => {
          const file = all.map(([text, end]) => text + end).join("");
          const purpose = `--fuzz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n`;
          const data = `--fuzz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${file}\r\n`;
          const verdict = readMultipart(
            upload,
            Buffer.from(`${first ? purpose + data : data + purpose}--fuzz--\r\n`),
          );
          if (!verdict.allowed) return;
          allowed += 1;
          const [name] = verdict.value.deployments;
          expect(verdict.value.deployments).toEqual([name]);
          // Python's splitlines breaks at all of these, others at the line feed only.
          for (const ends of [/\n/, /\r\n|\r|\n/, /[\r\n\v\f\u0085\u2028\u2029]/])
            for (const line of file.split(ends).filter((text) => text.trim() !== "")) {
              expect(JSON.parse(line).body.model).toBe(name);
              expect(line.match(/"(?:mod|\\u006d)/g)).toHaveLength(1);
            }
        },
      ),
      { numRuns: 20_000 },
    );
    expect(allowed).toBeGreaterThan(1000);
  });
});
