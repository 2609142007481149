import { X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import { principalOf } from "../../../src/identity/principal-of.ts";
import { defaultPathRules, verifyPath } from "../../../src/pki/verify-path.ts";
import { testPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

it("a principal tells the leaf's thumbprint, subject and serial number as other tools print them", async () => {
  const pki = await testPki();
  const { leaf, others } = chainOf(pki.client);
  const verdict = verifyPath({
    ...trustFactsOf(pki),
    leaf,
    candidates: others,
    at: Date.now(),
    rules: defaultPathRules,
  });
  if (!verdict.allowed) throw new Error(verdict.detail);
  const theirs = new X509Certificate(pki.client.certificate);
  const principal = principalOf(verdict.value, "scanner");
  expect(principal).toEqual({
    client: "scanner",
    via: "client-certificate",
    thumbprint: theirs.fingerprint256.replaceAll(":", "").toLowerCase(),
    subject: "CN=device-1",
    serial: expect.any(String),
  });
  // The INTEGER's octets: a leading zero octet keeps it positive.
  expect(principal.serial.replace(/^00/, "")).toBe(theirs.serialNumber.toLowerCase());
});
