import { describe, expect, it } from "vitest";
import { readRequestLine } from "../../../src/target/request-line.ts";
import { compileSurface } from "../../../src/target/surface.ts";

const chat = "/openai/v1/chat/completions";

describe("a request line that was read before", () => {
  const surface = compileSurface();

  it("is read alike", () => {
    const [first, second] = [readRequestLine("POST", chat, surface), readRequestLine("POST", chat, surface)];
    expect(second).toEqual(first);
    expect(first).toMatchObject({ allowed: true, value: { path: chat } });
  });

  it("allows no other method, query or spelling of the path", () => {
    expect(readRequestLine("POST", chat, surface).allowed).toBe(true);
    expect(readRequestLine("DELETE", chat, surface).allowed).toBe(false);
    expect(readRequestLine("POST", `${chat}?model=x`, surface).allowed).toBe(false);
    expect(readRequestLine("POST", `${chat}/`, surface).allowed).toBe(false);
    expect(readRequestLine("POST", chat, surface).allowed).toBe(true);
  });

  it("is remembered again after ever new ones have come", () => {
    const own = compileSurface();
    for (let count = 0; count < 600; count += 1)
      readRequestLine("POST", `/openai/deployments/d${count}/chat/completions?api-version=2024-10-21`, own);
    expect(readRequestLine("POST", chat, own)).toBe(readRequestLine("POST", chat, own));
  });

  it("says nothing about another surface", () => {
    const row = {
      name: "own",
      group: "inference",
      method: "POST",
      path: "/openai/v1/own",
      body: "json",
    } as const;
    const wider = compileSurface([row]);
    expect(readRequestLine("POST", row.path, wider)).toMatchObject({ allowed: true });
    expect(readRequestLine("POST", row.path, surface)).toMatchObject({ code: "operation_unknown" });
  });
});
