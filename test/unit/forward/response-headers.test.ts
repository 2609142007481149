import { describe, expect, it } from "vitest";
import { responseHeaders } from "../../../src/forward/response-headers.ts";

const relay = (backend: readonly string[]) => responseHeaders(backend, "id-1");

describe("responseHeaders", () => {
  it.each([
    ["apim-request-id", "a"],
    ["x-ratelimit-remaining-tokens", "9"],
    ["retry-after", "3"],
    ["retry-after-ms", "2500"],
    ["content-type", "text/event-stream"],
    ["x-request-id", "b"],
  ])("passes %s", (name, value) => {
    expect(relay([name, value]).slice(0, 2)).toEqual([name, value]);
  });

  it.each([
    "authorization",
    "Api-Key",
    "Set-Cookie",
    "WWW-Authenticate",
    "Server",
    "Connection",
    "Transfer-Encoding",
    "X-Certgate-Reason",
  ])("withholds %s", (name) => {
    expect(relay([name, "secret"])).not.toContain("secret");
  });

  it("withholds what the backend's Connection names", () => {
    expect(relay(["Connection", "x-hop", "X-Hop", "secret"])).not.toContain("secret");
  });

  it("keeps duplicates and their order", () => {
    expect(relay(["x-a", "1", "x-b", "2", "x-a", "3"]).slice(0, 6)).toEqual([
      "x-a",
      "1",
      "x-b",
      "2",
      "x-a",
      "3",
    ]);
  });

  it("says who answered", () => {
    expect(relay([])).toEqual(["x-certgate-request-id", "id-1", "x-certgate-answered-by", "backend"]);
  });
});
