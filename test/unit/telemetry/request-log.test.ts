import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Logger } from "../../../src/kernel/logger.ts";
import { QuickFields, redactedLine } from "../../../src/kernel/redact.ts";
import type { Exchange } from "../../../src/model/exchange.ts";
import { createRequestLog } from "../../../src/telemetry/request-log.ts";

const allowed: Exchange = {
  requestId: "r-1",
  startedAt: 0,
  durationMs: 12.3456,
  method: "POST",
  path: "/openai/v1/chat/completions",
  remoteAddress: "192.0.2.1",
  client: "scanner",
  thumbprint: "ab".repeat(32),
  operation: "chat-completions",
  deployment: "gpt",
  backend: "east",
  decision: "allowed",
  status: 200,
  answeredBy: "backend",
};

function logged(exchange: Exchange) {
  const lines: { level: string; fields: QuickFields; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    if (!(fields instanceof QuickFields)) throw new TypeError("the line of a request is made quickly");
    lines.push({ level, fields, message });
  };
  const log: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  createRequestLog(log)(exchange);
  expect(lines).toHaveLength(1);
  const { level, fields: quick, message } = lines[0]!;
  return { level, fields: quick.fields(), quick, message };
}

describe("the request log", () => {
  it("writes one line with everything that the exchange knows", () => {
    const { level, fields, message } = logged(allowed);
    expect({ level, message }).toEqual({ level: "info", message: "request" });
    expect(fields).toEqual({ ...allowed, startedAt: "1970-01-01T00:00:00.000Z", durationMs: 12.3 });
  });

  it("tells what an answer cost", () => {
    const usage = { inputTokens: 125, outputTokens: 7, cachedInputTokens: 100 };
    const { fields } = logged({ ...allowed, usage });
    expect(fields).toMatchObject(usage);
    expect(fields).not.toHaveProperty("usage");
  });

  it("writes a denial with its reason and detail, as information", () => {
    const { level, fields } = logged({
      ...allowed,
      decision: "denied",
      reason: "client_certificate_revoked",
      detail: "serial 01 is revoked",
      status: 401,
      answeredBy: "gateway",
    });
    expect(level).toBe("info");
    expect(fields).toMatchObject({
      reason: "client_certificate_revoked",
      detail: "serial 01 is revoked",
      status: 401,
    });
  });

  it("warns when the gateway itself failed", () => {
    expect(
      logged({ ...allowed, reason: "credential_unavailable", status: 503, answeredBy: "gateway" }).level,
    ).toBe("warn");
  });

  it("does not warn about an error that the backend answered", () => {
    expect(logged({ ...allowed, status: 503 }).level).toBe("info");
  });

  it("cuts what is too long", () => {
    const { fields } = logged({
      ...allowed,
      path: `/${"a".repeat(100_000)}`,
      deployment: "d".repeat(100_000),
    });
    expect(JSON.stringify(fields).length).toBeLessThan(3000);
  });

  describe("as text", () => {
    const start = { level: "info", time: "2026-11-22T02:13:13.646Z", worker: 1 };
    const requestId = "3d9f583b-98a2-412c-80be-6abe42a3aaf7";
    const jwt = ["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJhIn0", "c2lnbmF0dXJl"].join(".");

    it("is made quickly where nothing is to be hidden or escaped", () => {
      const usage = { inputTokens: 125, outputTokens: 7 };
      for (const exchange of [allowed, { ...allowed, usage }, { ...allowed, thumbprint: undefined }]) {
        const { quick } = logged({ ...exchange, requestId } as Exchange);
        expect(`{${quick.plainJson()}}`).toBe(JSON.stringify(quick.fields()));
      }
    });

    it.each([
      ["client", "a b"],
      ["client", 'a"b'],
      ["path", "/a?sig=b"],
      ["path", "a".repeat(1025)],
      ["deployment", "a\\b"],
      ["deployment", "\ud800"],
      ["backend", "\u0000"],
      ["requestId", "r\u20281"],
      ["reason", "client_unknown"],
      ["detail", "sentence"],
    ])("is looked at closely when %s is %j", (name, value) => {
      expect(logged({ ...allowed, requestId, [name]: value }).quick.plainJson()).toBeUndefined();
    });

    it.each(["requestId", "client", "path", "operation", "deployment", "backend", "detail"])(
      "holds no secret that came as %s",
      (name) => {
        for (const secret of [jwt, `v1=${jwt}`, `sig=${jwt}`]) {
          const line = redactedLine(
            start,
            logged({ ...allowed, requestId, [name]: secret }).quick,
            "request",
          );
          expect(JSON.parse(line)).toMatchObject({ [name]: expect.stringContaining("[redacted]") });
          expect(line).not.toContain(jwt.slice(0, 20));
        }
      },
    );

    it("is the same to the byte as when it is looked at closely", () => {
      const text = fc.oneof(
        fc.string(),
        fc.string({ unit: "binary" }),
        fc.constantFrom(
          "bearer abcdefgh1234",
          'a\\b"c',
          jwt,
          jwt.toUpperCase(),
          "?sig=abc",
          "api_key=1",
          "\ud800",
        ),
        fc.constantFrom(
          "plain",
          "/openai/v1/chat",
          "2001:db8::1",
          "~",
          "\u007f",
          "p".repeat(1024),
          "q".repeat(1025),
        ),
      );
      const some = fc.option(text, { nil: undefined });
      const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-0, 1e21, 1e-7, Number.NaN, Infinity));
      const exchanges = fc.record({
        requestId: fc.oneof({ weight: 4, arbitrary: fc.uuid() }, text),
        startedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
        durationMs: number,
        method: fc.oneof(fc.constantFrom("GET", "POST"), text),
        path: some,
        remoteAddress: some,
        client: some,
        thumbprint: some,
        operation: some,
        deployment: some,
        backend: some,
        attempts: fc.option(number, { nil: undefined }),
        usage: fc.option(
          fc.record({
            inputTokens: number,
            outputTokens: number,
            cachedInputTokens: fc.option(number, { nil: undefined }),
          }),
          { nil: undefined },
        ),
        decision: fc.constantFrom("allowed", "denied"),
        reason: fc.option(fc.constantFrom("client_unknown", "rate_limited"), { nil: undefined, freq: 2 }),
        detail: fc.option(text, { nil: undefined, freq: 2 }),
        status: number,
        answeredBy: fc.constantFrom("gateway", "backend"),
      });
      let quickly = 0;
      /** With few strange texts at a time, or hardly any line would be made quickly. */
      const rarely = fc.subarray([...Object.keys(allowed), "attempts", "usage", "reason", "detail"], {
        maxLength: 6,
      });
      fc.assert(
        fc.property(exchanges, rarely, (strange, names) => {
          const chosen = Object.entries(strange).filter(([name]) => names.includes(name));
          const exchange = { ...allowed, requestId, ...Object.fromEntries(chosen) } as Exchange;
          const { quick } = logged(exchange);
          if (quick.plainJson() !== undefined) quickly += 1;
          expect(redactedLine(start, quick, "request")).toBe(redactedLine(start, quick.fields(), "request"));
        }),
        { numRuns: 1000 },
      );
      expect(quickly).toBeGreaterThan(25);
    });
  });
});
