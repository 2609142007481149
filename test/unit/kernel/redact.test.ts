import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redacted, redactedLine, redactFields, redactText } from "../../../src/kernel/redact.ts";

describe("redactText", () => {
  // Made of parts, so that no scanner takes this file for a leak.
  const jwt = ["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJhIn0", "c2lnbmF0dXJl"].join(".");

  it("takes out bearer tokens, in any case", () => {
    expect(redactText("sent authorization: bearer abcdefgh12345678, got 401")).toBe(
      `sent authorization: bearer ${redacted}, got 401`,
    );
  });

  it("takes out a JWT that stands alone", () => {
    expect(redactText(`token was ${jwt} there`)).toBe(`token was ${redacted} there`);
  });

  it("takes out a private key, even one that was cut off", () => {
    const begin = ["-----BEGIN", "EC PRIVATE KEY-----"].join(" ");
    expect(redactText(`read ${begin}\nabc\n-----END EC PRIVATE KEY----- from a file`)).toBe(
      `read ${redacted} from a file`,
    );
    expect(redactText(`read ${begin}\nabc`)).toBe(`read ${redacted}`);
  });

  it.each(["api-key", "access_token", "client_secret", "client_assertion", "sig"])(
    "takes the value of the query parameter %s",
    (name) => {
      expect(redactText(`GET https://host/path?a=1&${name}=abc%20def&b=2`)).toBe(
        `GET https://host/path?a=1&${name}=${redacted}&b=2`,
      );
    },
  );

  it("leaves ordinary sentences alone", () => {
    const text = "the bearer of a certificate used 12 tokens; token expired; basic auth; design=blue";
    expect(redactText(text)).toBe(text);
  });
});

describe("redactFields", () => {
  it.each([
    "authorization",
    "Proxy-Authorization",
    "api-key",
    "apiKey",
    "Ocp-Apim-Subscription-Key",
    "accessToken",
    "set-cookie",
    "password",
    "clientSecret",
    "privateKey",
  ])("hides what stands under %s, at any depth", (name) => {
    expect(redactFields({ [name]: "value", outer: { list: [{ [name]: { deep: "value" } }] } })).toEqual({
      [name]: redacted,
      outer: { list: [{ [name]: redacted }] },
    });
  });

  it("keeps counts of tokens, which are no secret", () => {
    expect(redactFields({ promptTokens: 12, tokenFound: true })).toEqual({
      promptTokens: 12,
      tokenFound: true,
    });
  });

  it("reduces an error to its description, whatever the SDK hung onto it", () => {
    const error = Object.assign(
      new TypeError("outer", { cause: new Error("sent Bearer abcdefgh12345678") }),
      {
        code: "EFAIL",
        request: { headers: { authorization: "Bearer abcdefgh12345678" } },
      },
    );
    const { err } = redactFields({ err: error }) as { err: Record<string, string> };
    expect(Object.keys(err)).toEqual(["type", "code", "message", "stack"]);
    expect(err["type"]).toBe("TypeError");
    expect(err["code"]).toBe("EFAIL");
    expect(err["message"]).toBe(`outer: sent Bearer ${redacted}`);
    expect(JSON.stringify(err)).not.toContain("abcdefgh12345678");
  });

  it("takes a bare error for the field err", () => {
    expect(redactFields(new Error("no"))).toMatchObject({ err: { message: "no" } });
  });

  it("writes bytes as their length", () => {
    expect(redactFields({ der: new Uint8Array(48) })).toEqual({ der: "[48 bytes]" });
  });

  it("writes dates, URLs and big integers so that JSON can hold them", () => {
    expect(
      redactFields({
        at: new Date(0),
        bad: new Date(Number.NaN),
        url: new URL("https://a/?sig=x"),
        big: 10n,
      }),
    ).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      bad: "[invalid date]",
      url: `https://a/?sig=${redacted}`,
      big: "10",
    });
  });

  it("ends on a cycle", () => {
    const ring: { self?: object } = {};
    ring.self = ring;
    expect(JSON.stringify(redactFields({ ring }))).toContain("[deeper]");
  });

  it("does not change what it was given", () => {
    const fields = { headers: { cookie: "a=b" } };
    redactFields(fields);
    expect(fields).toEqual({ headers: { cookie: "a=b" } });
  });
});

describe("redactedLine", () => {
  const begin = ["-----BEGIN", "EC PRIVATE KEY-----"].join(" ");
  const jwt = ["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJhIn0", "c2lnbmF0dXJl"].join(".");
  const before = { level: "info", time: "2026-11-21T16:00:00.000Z" };
  /** What it stands for: the careful way for each line. */
  const carefully = (fields: object, message: string): unknown =>
    JSON.parse(JSON.stringify({ ...before, ...redactFields(fields), msg: redactText(message) }));

  it("says what redactFields and redactText say, whatever the fields", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("bearer abcdefgh1234", "bearer\nabcdefgh1234", "bearer\u00a0abcdefgh1234", 'a\\b"c'),
      fc.constantFrom(jwt, `x${begin}y`, "?sig=abc", "api_key=1", "harmless"),
    );
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom("apiKey", "token", "msg", "level", "time", "path", "toJSON"),
    );
    const value = fc.oneof(
      text,
      fc.constantFrom(undefined, null, true, 1.5, Number.NaN, 12n, new Error(jwt), new Date(0), [jwt], {
        token: jwt,
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), text, (fields, message) => {
        expect(JSON.parse(redactedLine(before, fields, message))).toEqual(carefully(fields, message));
      }),
    );
  });

  it.each([[new Error(jwt)], [new Date(0)], [{}]])("takes %s for fields, too", (fields) => {
    expect(JSON.parse(redactedLine(before, fields, "x"))).toEqual(carefully(fields, "x"));
  });

  it("keeps the order: what it begins with, the fields, the message", () => {
    expect(redactedLine(before, { client: "device-1" }, "request")).toBe(
      '{"level":"info","time":"2026-11-21T16:00:00.000Z","client":"device-1","msg":"request"}',
    );
  });
});
