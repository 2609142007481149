import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renameRequest } from "../../src/target/rename-request.ts";
import { parseBody } from "../../src/target/parse-body.ts";
import { readMultipart } from "../../src/target/multipart/start-multipart.ts";
import { parseHead } from "../../src/target/parse-head.ts";

const deployment = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9_-])?$/);
const upstream = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,60}[A-Za-z0-9_-])?$/);
const json = fc.jsonValue({ maxDepth: 3 });
const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);

const headOf = (url: string, type: string) => {
  const head = parseHead({ method: "POST", url, headers: ["content-type", type] });
  if (!head.allowed) throw new Error(head.detail);
  return head.value;
};

describe("renaming", () => {
  it("changes a JSON body in its model only, as every parser reads it", () => {
    const head = headOf("/openai/v1/chat/completions", "application/json");
    fc.assert(
      fc.property(
        deployment,
        upstream,
        json,
        fc.array(fc.tuple(fc.constantFrom("seed", "user", "stop", "n", "zz"), json), { maxLength: 3 }),
        space,
        (name, other, content, rest, gap) => {
          const members = [
            ...new Map(rest).entries(),
            ["model", name] as const,
            ["messages", [{ role: "user", content: JSON.stringify(content) }]] as const,
          ].map(([key, value]) => `"${key}"${gap}:${gap}${JSON.stringify(value)}`);
          const text = `{${gap}${members.join(`${gap},`)}${gap}}`;
          const target = parseBody(head, Buffer.from(text));
          // The rules may refuse what was made up; then there is nothing to rename.
          fc.pre(target.allowed);
          if (!target.allowed) return;
          const { body } = renameRequest(head, target.value, Buffer.from(text), (asked) =>
            asked === name ? other : undefined,
          );
          const result = Buffer.from(body as Uint8Array).toString();
          expect(JSON.parse(result)).toEqual({ ...(JSON.parse(text) as object), model: other });
          // All but the name's own bytes are the client's.
          const at = text.indexOf(`:${gap}${JSON.stringify(name)}`, text.indexOf('"model"')) + 2 + gap.length;
          expect(result).toBe(text.slice(0, at) + other + text.slice(at + name.length));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("changes a form in its model only, whatever its file holds", () => {
    const head = headOf("/openai/v1/audio/transcriptions", "multipart/form-data; boundary=xYz");
    const part = (name: string, content: string, file = "") =>
      `--xYz\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
    fc.assert(
      fc.property(
        deployment,
        upstream,
        fc.string({ unit: "binary" }),
        fc.boolean(),
        (name, other, file, first) => {
          const text = (model: string) => {
            const parts = [part("model", model), part("file", file, '; filename="a"')];
            return `${(first ? parts : parts.toReversed()).join("")}--xYz--\r\n`;
          };
          const target = readMultipart(head, Buffer.from(text(name)));
          fc.pre(target.allowed);
          if (!target.allowed) return;
          const { body } = renameRequest(head, target.value, Buffer.from(text(name)), () => other);
          expect(Buffer.from(body as Uint8Array)).toEqual(Buffer.from(text(other)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("puts any name into one segment of a path", () => {
    fc.assert(
      fc.property(deployment, upstream, (name, other) => {
        const head = headOf(`/openai/deployments/${name}/embeddings?api-version=1`, "application/json");
        const body = Buffer.from('{"input":"x"}');
        const target = parseBody(head, body);
        if (!target.allowed) throw new Error(target.detail);
        const { path } = renameRequest(head, target.value, body, () => other);
        const segments = new URL(path, "https://backend").pathname.split("/");
        expect(segments.map(decodeURIComponent)).toEqual(["", "openai", "deployments", other, "embeddings"]);
      }),
    );
  });
});
