import { describe, expect, it } from "vitest";
import { isOwnKind } from "../../../src/model/object-kind.ts";
import { operationGroups } from "../../../src/model/operation-group.ts";
import type { Target } from "../../../src/model/target.ts";
import type { Verdict } from "../../../src/model/verdict.ts";
import { forms } from "../../../src/target/multipart/forms.ts";
import { readMultipart } from "../../../src/target/multipart/start-multipart.ts";
import type { Operation } from "../../../src/target/operation.ts";
import { operations } from "../../../src/target/operations.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead, targetOf } from "../../../src/target/parse-head.ts";
import {
  formHeaders,
  formOf,
  headersFor,
  jsonHeaders,
  objectsOf,
  part,
  pathOf,
  samples,
  values,
} from "./samples.ts";

const rows = operations.map((row) => [`${row.method} ${row.path}`, row] as const);
/** The query that a row cannot do without. */
const needed = (row: Operation): string[] => [
  ...(row.apiVersion === "required" ? ["api-version=2025-04-01-preview"] : []),
  ...(row.deployment === "query" ? row.query.map((name) => `${name}=${values[name]}`) : []),
];
const head = (
  row: Operation,
  query: readonly string[] = needed(row),
  path = pathOf(row),
  method: string = row.method,
  headers = headersFor(row),
) => parseHead({ method, url: query.length === 0 ? path : `${path}?${query.join("&")}`, headers });

const bodyOf = (row: Operation): Buffer => {
  const { body, fields } = samples[row.name] ?? {};
  if (row.body !== "multipart") return Buffer.from(JSON.stringify(body));
  const parts = Object.entries(fields ?? {}).map(([name, text]) => part(name, text));
  const [file = ""] = forms[row.form].files;
  return formOf(...parts, part(file, "content", "x.bin"));
};

function targetFor(row: Operation): Verdict<Target> {
  const verdict = head(row);
  if (!verdict.allowed) return verdict;
  switch (verdict.value.body) {
    case "none":
      return { allowed: true, value: targetOf(verdict.value), trace: [] };
    case "json":
      return parseBody(verdict.value, bodyOf(row));
    case "multipart":
      return readMultipart(verdict.value, bodyOf(row));
  }
}

describe.each(rows)("%s", (_, row) => {
  it("names what its canonical request names", () => {
    const { deployments = [], objects = [], body } = samples[row.name] ?? {};
    const inHead = row.deployment === "path" ? ["gpt-4o"] : row.deployment === "query" ? ["rt"] : [];
    const keeps = row.storage === undefined || row.storage === "opt-out";
    const verdict = targetFor(row);
    expect(verdict).toMatchObject({ allowed: true });
    expect(verdict.allowed && verdict.value).toEqual({
      operation: row.name,
      group: row.group,
      deployments: [...new Set([...inHead, ...deployments])],
      objects: [...objectsOf(row), ...objects],
      ...(row.creates === undefined || !keeps ? {} : { creates: row.creates }),
      ...(row.lists === undefined ? {} : { lists: row.lists }),
      ...(row.deletes === undefined ? {} : { deletes: row.deletes }),
      path: pathOf(row),
      query: needed(row).join("&"),
      headers: [],
      stream: row.streams === "always",
      retryable: row.retryable,
    });
    // A row that reads a body has a sample with one, or its reading was not tried.
    expect(row.body === "none" || row.body === "multipart" || body !== undefined).toBe(true);
  });

  it("is unknown under any other method", () => {
    const same = new Set<string>(
      operations.filter(({ path }) => path === row.path).map(({ method }) => method),
    );
    const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "post"]
      .filter((method) => !same.has(method))
      .map((method) => head(row, needed(row), pathOf(row), method))
      .map((verdict) => (verdict.allowed ? "allowed" : verdict.code));
    expect(new Set(others)).toEqual(new Set(["operation_unknown"]));
  });

  it.each([
    ["a trailing slash", (path: string) => `${path}/`],
    ["an upper-case segment", (path: string) => path.replace(/[a-z]/, (letter) => letter.toUpperCase())],
    [
      "an encoded letter",
      (path: string) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    ],
    ["a path parameter", (path: string) => `${path};x=1`],
    ["a dot segment", (path: string) => path.replace("/", "/./")],
  ])("is refused with %s", (__, spoil) => {
    expect(head(row, needed(row), spoil(pathOf(row)))).toMatchObject({
      allowed: false,
      code: "request_malformed",
    });
  });

  it("refuses what its query may not hold", () => {
    const wrong = [
      "beta=true",
      "api-key=x",
      "model=other",
      "deployment=other",
      "limit=20",
      "include[]=x",
    ].filter((parameter) => !row.query.some((name) => parameter.startsWith(`${name}=`)));
    const codes = wrong
      .map((parameter) => head(row, [...needed(row), parameter]))
      .map((verdict) => (verdict.allowed ? "allowed" : verdict.code));
    expect(new Set(codes)).toEqual(new Set(["request_malformed"]));
  });

  it("takes each parameter of its query once, as it was spelt", () => {
    for (const name of row.query) {
      const fresh = needed(row).filter((parameter) => !parameter.startsWith(`${name}=`));
      const once = [...fresh, `${name}=${values[name]}`];
      expect(head(row, once)).toMatchObject({ allowed: true, value: { query: once.join("&") } });
      for (const second of [values[name], `${values[name]}0`])
        expect([name, head(row, [...once, `${name}=${second}`]).allowed]).toEqual([
          name,
          name === "include%5B%5D" && second !== values[name],
        ]);
      for (const wrong of ["", "%20", "a b", "../x", "a%2Fb", "x".repeat(200)])
        expect([name, wrong, head(row, [...fresh, `${name}=${wrong}`]).allowed]).toEqual([
          name,
          wrong,
          false,
        ]);
    }
  });

  it("needs its api-version exactly where the table says so", () => {
    const without = needed(row).filter((parameter) => !parameter.startsWith("api-version"));
    expect(head(row, without).allowed).toBe(row.apiVersion !== "required");
    expect(head(row, [...without, "api-version=preview"]).allowed).toBe(row.apiVersion !== "none");
  });

  it("takes no body of another kind", () => {
    const wrong =
      row.body === "none"
        ? [
            ["content-length", "2"],
            ["transfer-encoding", "chunked"],
          ]
        : [
            [],
            ["content-type", "text/plain"],
            row.body === "json" ? formHeaders : row.body === "multipart" ? jsonHeaders : [],
          ];
    for (const headers of wrong)
      expect(
        head(row, needed(row), pathOf(row), row.method, [
          ...(row.upgrade === undefined ? [] : headersFor(row)),
          ...headers,
        ]),
      ).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it("refuses names in its path that are not in the one spelling", () => {
    for (const [place] of row.path.matchAll(/\{[a-z_]+\}/g))
      for (const wrong of ["a.b/", "a:b", "a~b", "x".repeat(129), "a@b", "-a..", "*"])
        expect([
          wrong,
          head(row, needed(row), pathOf({ path: row.path.replace(place, wrong) })).allowed,
        ]).toEqual([wrong, false]);
  });
});

describe("the table", () => {
  it("has each method and path once", () => {
    expect(new Set(rows.map(([key]) => key)).size).toBe(rows.length);
  });

  it("gives each name one group, one place for its deployment beside the path, and one way to read it", () => {
    const facts = new Map<string, string>();
    for (const { name, group, body, shape, form, creates, lists, storage, retryable } of operations) {
      const fact = JSON.stringify({ group, body, shape, form, creates, lists, storage, retryable });
      expect([name, facts.get(name) ?? fact]).toEqual([name, fact]);
      facts.set(name, fact);
    }
  });

  it("knows every group, and owners for what is created, listed and deleted", () => {
    for (const { group, creates, lists, deletes } of operations) {
      expect(operationGroups).toContain(group);
      for (const kind of [creates, lists, deletes]) expect(kind === undefined || isOwnKind(kind)).toBe(true);
    }
  });

  it("retries nothing that leaves an object behind, and nothing that ends one", () => {
    const lasting = operations.filter(
      ({ creates, storage, deletes }) =>
        (creates !== undefined && storage !== "opt-in") || deletes !== undefined,
    );
    expect(lasting.length).toBeGreaterThan(20);
    expect(lasting.filter(({ retryable }) => retryable)).toEqual([]);
  });

  it("reads the body of every POST but those that only start or stop something", () => {
    expect(
      new Set(
        operations.filter(({ method, body }) => method === "POST" && body === "none").map(({ name }) => name),
      ),
    ).toEqual(
      new Set([
        "responses-cancel",
        "uploads-cancel",
        "batches-cancel",
        "runs-cancel",
        "vector-stores-batches-cancel",
        "fine-tuning-cancel",
        "fine-tuning-pause",
        "fine-tuning-resume",
        "evals-runs-cancel",
      ]),
    );
  });
});
