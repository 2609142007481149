import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHead } from "../../src/target/parse-head.ts";

/** Pieces of targets, good ones and the ones that parsers are known to read differently. */
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "/openai",
      "/deployments",
      "/v1",
      "/chat",
      "/completions",
      "/embeddings",
      "/responses",
      "/models",
      "/allowed",
      "/other",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "/",
      "//",
      "/.",
      "/..",
      "/%2e%2e",
      "/..%2f",
      "%2f",
      "%5c",
      "\\",
      ";",
      ";x=1",
      "%00",
      "\u0000",
      ".",
      " ",
      "%20",
      "#",
      "@",
      ":",
      "/OpenAI",
      "%",
      "%25",
      "\u00e9",
      "%c0%ae",
      "\t",
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
);
const good = fc.constantFrom(
  "/openai/deployments/allowed/chat/completions",
  "/openai/deployments/allowed/embeddings",
  "/openai/v1/chat/completions",
  "/openai/v1/responses",
);
const spliced = fc.tuple(good, piece, fc.nat(), fc.boolean()).map(([path, extra, where, plant]) => {
  const at = where % (path.length + 1);
  return plant ? `${path.slice(0, at)}${extra}${path.slice(at)}` : path;
});
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "?api-version=2024-10-21", "?api-version=preview") },
  {
    weight: 1,
    arbitrary: fc
      .array(
        fc.constantFrom(
          "api-version=1",
          "&",
          "model=other",
          "api%2Dversion=2",
          "deployment=x",
          ";",
          "=",
          "%26",
          "#",
          "?",
        ),
        { maxLength: 4 },
      )
      .map((parts) => `?${parts.join("")}`),
  },
);
const target = fc
  .tuple(
    fc.oneof(
      spliced,
      fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("")),
    ),
    query,
  )
  .map(([path, tail]) => `${path}${tail}`);

/** Decodes until nothing changes, forgives slashes, parameters and case, and resolves dot segments: the laxest server. */
function lax(path: string): string {
  let text = path;
  for (let round = 0; round < 4; round += 1)
    try {
      text = decodeURIComponent(text);
    } catch {
      break;
    }
  const out: string[] = [];
  for (const raw of text.replaceAll("\\", "/").split("/")) {
    const segment = (raw.split(";")[0] ?? "").replace(/[. ]+$/, (tail) =>
      /^\.{1,2}$/.test(raw) ? tail : "",
    );
    if (segment === "..") out.pop();
    else if (segment !== "" && segment !== ".") out.push(segment);
  }
  return `/${out.join("/")}`;
}

describe("whatever parseHead allows", () => {
  it("is the same path and the same query to URL, to a lenient decoder and to the gateway", () => {
    let allowed = 0;
    fc.assert(
      fc.property(target, (url) => {
        const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
        if (!verdict.allowed) return;
        allowed += 1;
        const { path, query: rebuilt, deployment, operation } = verdict.value;
        const seen = new URL(url, "https://gateway.example");
        expect(seen.origin).toBe("https://gateway.example");
        expect(seen.pathname).toBe(path);
        expect(lax(url.split("?")[0] ?? "")).toBe(path);
        expect([...seen.searchParams.keys()]).toEqual(rebuilt === "" ? [] : ["api-version"]);
        expect(seen.search).toBe(rebuilt === "" ? "" : `?${rebuilt}`);
        expect(rebuilt === "" ? path : `${path}?${rebuilt}`).toBe(url);
        const inPath = /^\/openai\/deployments\/([^/]+)\//.exec(seen.pathname)?.[1];
        expect(deployment).toBe(inPath);
        expect(operation.deployment === "path").toBe(inPath !== undefined);
      }),
      { numRuns: 50_000 },
    );
    expect(allowed).toBeGreaterThan(1000);
  });
});
