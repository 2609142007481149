import { Router } from "express";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Operation } from "../../src/target/operation.ts";
import { operations } from "../../src/target/operations.ts";
import { parseHead } from "../../src/target/parse-head.ts";

/** Express' own matching, case-insensitive and with trailing slashes forgiven, over the rows of the table. */
function expressRouter() {
  const router = Router();
  const found: { path: string; names: string[] }[] = [];
  for (const { method, path } of operations) {
    const verb = method.toLowerCase() as "get" | "post" | "delete";
    router[verb](path.replaceAll(/\{([a-z_]+)\}/g, ":$1"), (request, _response, next) => {
      found.push({ path, names: Object.values(request.params).map(String) });
      next();
    });
  }
  /** The first row that fits, which is where Express would go. */
  return (method: string, url: string) => {
    found.length = 0;
    router({ method, url, headers: {} } as never, {} as never, () => undefined);
    return found;
  };
}
const words = (text: string): string[] => text.split(/\s+/);
const routesOf = expressRouter();

const id = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom("allowed", "obj-1_x", "compact", "files", "jobs", "a".repeat(128)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "a.b",
      "..",
      "a%2fb",
      "a/b",
      "a;b",
      "",
      ".",
      "a b",
      "é",
      "%61",
      "a\\b",
      "A",
      "a".repeat(129),
    ),
  },
);
/** In the spelling that is taken, and in others. */
const goodParameters = words(
  `api-version=2025-04-01-preview limit=20 order=asc after=obj_1 before=obj_1 stream=true purpose=batch status=failed
  include%5B%5D=a.b include%5B%5D=c model=allowed deployment=allowed run_id=run_1 filter=failed variant=video`,
);
const badParameters = words(
  `include[]=a include=a Limit=1 limit=-1 limit=1;x after=a%00 model=a+b model%3Dx api-key=x stream=TRUE = after=../x
  run_id=a&b deployment=a#b _method=DELETE`,
);
const queryFor = (row: Operation) =>
  fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.constantFrom(
          ...goodParameters.filter((text) =>
            ["api-version", ...row.query].includes(text.split("=")[0] ?? ""),
          ),
        ),
      },
      { weight: 1, arbitrary: fc.constantFrom(...goodParameters, ...badParameters) },
    ),
    { maxLength: 3 },
  );
const request = fc
  .constantFrom(...operations)
  .chain((row) =>
    fc.tuple(
      fc.constant(row),
      fc.array(id, { minLength: 3, maxLength: 3 }),
      queryFor(row),
      fc.oneof(
        { weight: 12, arbitrary: fc.constant("") },
        { weight: 1, arbitrary: fc.constantFrom("/", "?", ";", "//", "%2e") },
      ),
    ),
  )
  .map(([row, ids, query, tail]) => {
    let at = 0;
    const path = row.path.replaceAll(/\{[a-z_]+\}/g, () => ids[at++ % 3] ?? "");
    return { row, url: `${path}${tail}${query.length === 0 ? "" : `?${query.join("&")}`}` };
  });

describe("whatever head is allowed", () => {
  it("is the same operation, names and query to Express, to URL and to the gateway", () => {
    let allowed = 0;
    fc.assert(
      fc.property(request, ({ row, url }) => {
        const headers =
          row.upgrade !== undefined
            ? ["upgrade", "websocket"]
            : row.body === "none"
              ? []
              : [
                  "content-type",
                  row.body === "multipart" ? "multipart/form-data; boundary=x" : "application/json",
                ];
        const verdict = parseHead({ method: row.method, url, headers });
        if (!verdict.allowed) return;
        allowed += 1;
        const { operation, path, query, deployment, objects } = verdict.value;
        expect(query === "" ? path : `${path}?${query}`).toBe(url);
        const seen = new URL(url, "https://gateway.example");
        expect([seen.pathname, seen.search]).toEqual([path, query === "" ? "" : `?${query}`]);
        // Nothing of the query has a second meaning: no name twice but the list's, and no value to be decoded.
        const names = [...seen.searchParams.keys()].filter((name) => name !== "include[]");
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(operation.query.map(String).concat("api-version")).toContain(name);
        for (const [name, value] of seen.searchParams)
          expect(query).toContain(`${name.replace("[]", "%5B%5D")}=${value}`);

        const routes = routesOf(operation.method, url);
        const ours = routes.find((route) => route.path === operation.path);
        const inPath = operation.deployment === "path" ? [deployment] : [];
        const run = seen.searchParams.get("run_id");
        expect([...(ours?.names ?? []), ...(run === null ? [] : [run])]).toEqual([
          ...inPath,
          ...objects.map((object) => object.id),
        ]);
        // Where Express sees another row too, that one is less exact: it takes a fixed word for an id.
        for (const route of routes)
          expect(route.names.length).toBeGreaterThanOrEqual(ours?.names.length ?? Infinity);
        const inQuery = seen.searchParams.get("model") ?? seen.searchParams.get("deployment");
        expect(inQuery).toBe(operation.deployment === "query" ? deployment : null);
      }),
      { numRuns: 30_000 },
    );
    expect(allowed).toBeGreaterThan(2000);
  });
});
