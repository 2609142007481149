import { describe, expect, it } from "vitest";
import { checkConfig } from "../../../src/config/check.ts";
import { configSchema } from "../../../src/config/schema.ts";

const ocspSchema = configSchema.shape.trust.shape.revocation.unwrap().shape.ocsp;

/** Where the checks find a problem in these revocation options. */
function problemsOf(revocation: object): string[] {
  const problems: string[] = [];
  checkConfig({ trust: { anchors: [{ file: "root.pem" }], revocation } }, (path) => {
    if (path[0] === "trust") problems.push(path.join("."));
  });
  return problems;
}

describe("trust.revocation.ocsp", () => {
  it("is off by default, and never leads inside unless that is allowed", () => {
    expect(ocspSchema.parse(undefined)).toEqual({
      mode: "off",
      nonce: "when-echoed",
      timeoutSeconds: 5,
      maxAgeSeconds: 600,
      allowPrivateAddresses: false,
    });
  });

  it.each(["before-crl", "after-crl"])("makes CRLs optional (%s)", (mode) => {
    expect(problemsOf({ ocsp: { mode } })).toEqual([]);
    expect(problemsOf({ ocsp: { mode: "off" } })).toEqual(["trust.revocation.crls"]);
  });

  it("contradicts a revocation that is off", () => {
    expect(problemsOf({ mode: "off", ocsp: { mode: "after-crl" } })).toEqual(["trust.revocation.ocsp.mode"]);
  });

  it.each(["ldap://ca.example/", "ftp://ca.example/", "ca.example"])("takes no responder at %s", (url) => {
    expect(ocspSchema.safeParse({ mode: "after-crl", responderUrl: url }).success).toBe(false);
  });

  it("takes a responder with a path and a query, but with no password", () => {
    const at = (responderUrl: string) => problemsOf({ ocsp: { mode: "after-crl", responderUrl } });
    expect(at("http://10.0.0.1:8080/ocsp?ca=1")).toEqual([]);
    expect(at("http://user:password@ca.example/")).toEqual(["trust.revocation.ocsp.responderUrl"]);
  });
});
