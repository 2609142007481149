import { describe, expect, it } from "vitest";
import { readMultipart } from "../../../src/target/multipart/start-multipart.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { compileSurface, type OperationRow, rowProblems } from "../../../src/target/surface.ts";
import { formHeaders, formOf, part } from "./samples.ts";

const row: OperationRow = {
  name: "rerank",
  group: "inference",
  method: "POST",
  path: "/openai/v1/rerank",
  deployment: "body",
  shape: "completions",
};

describe("an operator's own operation", () => {
  it("is read with the same rules as the others", () => {
    const surface = compileSurface([row]);
    const request = {
      method: "POST",
      url: "/openai/v1/rerank",
      headers: ["content-type", "application/json"],
    };
    expect(parseHead(request)).toMatchObject({ allowed: false, code: "operation_unknown" });
    const head = parseHead(request, surface);
    if (!head.allowed) throw new Error(head.detail);
    expect(parseBody(head.value, Buffer.from('{"model":"m","query":"x"}'))).toMatchObject({
      allowed: true,
      value: { operation: "rerank", group: "inference", deployments: ["m"], retryable: false },
    });
    expect(parseBody(head.value, Buffer.from('{"query":"x"}'))).toMatchObject({ allowed: false });
    expect(parseBody(head.value, Buffer.from('{"model":"m","reranker_model":"x"}'))).toMatchObject({
      allowed: false,
    });
  });

  it("may name a deployment and objects in its path", () => {
    const surface = compileSurface([
      {
        name: "file-audit",
        group: "admin",
        method: "GET",
        path: "/openai/deployments/{deployment}/files/{file}",
        deployment: "path",
      },
    ]);
    expect(
      parseHead({ method: "GET", url: "/openai/deployments/m/files/f-1", headers: [] }, surface),
    ).toMatchObject({ allowed: true, value: { deployment: "m", objects: [{ kind: "file", id: "f-1" }] } });
  });

  it("names the deployment of a batch's lines wherever its own stands", () => {
    const audited = { name: "audited-files", group: "files", method: "POST", deployment: "path" } as const;
    const path = "/openai/deployments/{deployment}/audited-files";
    const surface = compileSurface([{ ...audited, path, form: "file", creates: "file" }]);
    const url = "/openai/deployments/m/audited-files";
    const head = parseHead({ method: "POST", url, headers: formHeaders }, surface);
    if (!head.allowed) throw new Error(head.detail);
    const line = '{"method":"POST","url":"/chat/completions","body":{"model":"gpt-other"}}';
    const form = formOf(part("purpose", "batch"), part("file", line, "a.jsonl"));
    expect(readMultipart(head.value, form)).toMatchObject({
      allowed: true,
      value: { deployments: ["m", "gpt-other"], linesFor: "gpt-other" },
    });
  });

  it.each<[string, Partial<OperationRow>, string]>([
    ["a name in upper case", { name: "Rerank" }, "name"],
    ["an unknown group", { group: "x" as "admin" }, "group"],
    ["another method", { method: "PUT" as "POST" }, "method"],
    ["a path that is not whole", { path: "openai/v1/rerank" }, "path"],
    ["a trailing slash", { path: "/openai/v1/rerank/" }, "path"],
    ["a wildcard", { path: "/openai/v1/*" }, "path"],
    ["an upper-case path", { path: "/openai/V1/rerank" }, "path"],
    ["an unknown name in the path", { path: "/openai/v1/{thing}" }, "unknown kind"],
    ["two names of one kind", { path: "/x/{file}/{file}" }, "two names"],
    ["a deployment that is not in the path", { deployment: "path" }, '"deployment"'],
    [
      "a deployment in the path that is overlooked",
      { path: "/x/{deployment}", deployment: "body" },
      '"deployment"',
    ],
    ["lines", { deployment: "lines" }, '"lines"'],
    ["a shape without a model", { shape: "plain" }, "names a deployment"],
    ["a deployment in a body that it does not take", { body: "none" }, "names a deployment"],
    ["a second kind of body without a model", { body: "either", form: "part" }, "names a deployment"],
    ["a body of another kind than its form", { body: "json", shape: "plain", form: "images" }, "names a"],
    ["an unknown shape", { shape: "x" as "plain" }, "shape"],
    ["a name of the prototype as shape", { shape: "constructor" as "plain" }, "shape"],
    ["an unknown form", { form: "x" as "file" }, "form"],
    ["an unknown parameter", { query: ["x" as "limit"] }, "parameter"],
    ["a deployment in the query that is overlooked", { query: ["deployment"] }, "parameter"],
    ["a model in the query that is overlooked", { query: ["limit", "model"] }, "parameter"],
    ["the name of the list that needs no grant", { name: "models" }, "rules of its own"],
    ["the name of a WebSocket", { name: "responses-socket" }, "rules of its own"],
    ["an object without an owner", { creates: "message" }, "owner"],
    ["a path of the table", { path: "/openai/v1/embeddings" }, "already"],
    ["a name of the table in another group", { name: "files-list" }, "group"],
    ["another kind of name in the same place", { path: "/openai/v1/files/{batch}/x" }, "{batch}"],
  ])("is refused with %s", (_, change, problem) => {
    const rows = [{ ...row, ...change }];
    expect(rowProblems(rows)).toEqual([{ row: 0, problem: expect.stringContaining(problem) }]);
    expect(() => compileSurface(rows)).toThrow(TypeError);
  });

  it("is refused twice, and has all of its problems told", () => {
    expect(rowProblems([row, row])).toHaveLength(1);
    expect(rowProblems([{ ...row, name: "X", query: ["x" as "limit"] }])).toHaveLength(2);
  });
});
