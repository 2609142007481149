import { describe, expect, it } from "vitest";
import { readTokenClaims } from "../../../src/credential/token-claims.ts";

const token = (claims: unknown) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2lnbmF0dXJl`;

describe("the claims of a token", () => {
  it("are those that a person may see", () => {
    const claims = { tid: "t", aud: "a", oid: "o", azp: "c", name: "somebody", roles: ["x"] };
    expect(readTokenClaims(token(claims))).toEqual({
      tenantId: "t",
      audience: "a",
      objectId: "o",
      clientId: "c",
    });
  });

  it.each(["opaque", "a.b", "a.b.c", token(null), token("x"), ""])("of %j: there are none", (text) => {
    expect(readTokenClaims(text)).toBeUndefined();
  });

  it("that are no text are left out", () => {
    expect(readTokenClaims(token({ tid: 7, aud: ["a"], oid: { a: 1 }, appid: "x".repeat(600) }))).toEqual({});
  });
});
