import { describe, expect, it } from "vitest";
import { describeFault, GatewayError } from "../../../src/kernel/errors.ts";

describe("describeFault", () => {
  it("tells the causes, outermost first", () => {
    const cause = new Error("getaddrinfo ENOTFOUND", { cause: new Error("no network") });
    expect(describeFault(new GatewayError("backend_unreachable", "backend a", { cause }))).toBe(
      "backend a: getaddrinfo ENOTFOUND: no network",
    );
  });

  it("tells a repeated message once", () => {
    expect(describeFault(new Error("reset", { cause: new Error("reset") }))).toBe("reset");
  });

  it("tells each error of an aggregate that has no message of its own", () => {
    expect(describeFault(new AggregateError([new Error("v4 refused"), new Error("v6 refused")]))).toBe(
      "v4 refused, v6 refused",
    );
  });

  it("ends on a cyclic cause", () => {
    const error = new Error("round");
    error.cause = new Error("and round", { cause: error });
    expect(describeFault(error)).toMatch(/^round: and round: /);
  });

  it("prints no content of something thrown that is no error", () => {
    expect(describeFault({ authorization: "value" })).toBe("something that is no Error was thrown (object)");
    expect(describeFault("a sentence")).toBe("a sentence");
  });
});

describe("GatewayError", () => {
  it("carries its code, its cause and a better Retry-After", () => {
    const cause = new Error("throttled");
    const error = new GatewayError("credential_unavailable", "no token", { cause, retryAfterSeconds: 7 });
    expect(error).toMatchObject({
      name: "GatewayError",
      code: "credential_unavailable",
      retryAfterSeconds: 7,
      cause,
    });
  });
});
