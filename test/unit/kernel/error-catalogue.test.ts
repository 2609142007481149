import { describe, expect, it } from "vitest";
import { catalogue, describeError, type ErrorCode } from "../../../src/kernel/error-catalogue.ts";

const codes = Object.keys(catalogue) as ErrorCode[];

describe("the error catalogue", () => {
  const statuses: Record<string, readonly number[]> = {
    authentication_error: [401],
    permission_error: [403],
    invalid_request_error: [400, 404, 405, 411, 413, 415],
    rate_limit_error: [429],
    server_error: [500, 502, 503, 504],
  };

  it.each(codes)("gives %s a status of its type and a sentence", (code) => {
    const { status, type, message } = describeError(code);
    expect(statuses[type]).toContain(status);
    expect(message).toMatch(/^[A-Z].*\.$/);
  });

  it.each(codes.filter((code) => [429, 503].includes(describeError(code).status)))(
    "tells when to retry after %s",
    (code) => {
      expect(describeError(code).retryAfterSeconds).toBeGreaterThan(0);
    },
  );

  it("spells codes in snake_case", () => {
    expect(codes.filter((code) => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([]);
  });
});
