import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHead } from "../../src/target/parse-head.ts";
import { hostileTarget } from "../support/hostile-requests.ts";

const target = hostileTarget("allowed", "other");

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
