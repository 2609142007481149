import { describe, expect, it } from "vitest";
import type { Logger } from "../../../src/kernel/logger.ts";
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
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => lines.push({ level, fields, message });
  const log: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  createRequestLog(log)(exchange);
  expect(lines).toHaveLength(1);
  return lines[0]!;
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
});
