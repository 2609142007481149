import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { sequence } from "../../src/dev/pki/der.ts";
import { type Certificate, parseCertificate } from "../../src/pki/certificate.ts";
import { checkOcspResponse } from "../../src/pki/ocsp-check.ts";
import { type OcspResponse, parseOcspResponse } from "../../src/pki/ocsp-response.ts";
import { PkiError } from "../../src/pki/pki-error.ts";
import { defaultPathRules } from "../../src/pki/verify-path.ts";
import { makeOcspResponse, noCheck } from "../support/ocsp-responses.ts";
import { applyDamage, damage } from "./pki-mutations.ts";

/** Inputs in all; `CERTGATE_FUZZ_RUNS=1000000` for a long night. */
const runs = Number(process.env["CERTGATE_FUZZ_RUNS"] ?? 20_000);
const longestMs = 250;

const at = Date.now();
const nonce = randomBytes(32);
let certificate: Certificate;
let issuer: Certificate;
/** About one certificate: good, revoked, unknown, by the CA and by its delegate, named by key and by name. */
let responses: Uint8Array[];

beforeAll(async () => {
  const root = await createAuthority({ subject: "CN=Fuzz Root" });
  const ca: Authority = await createAuthority({ subject: "O=Example, CN=Fuzz CA", issuer: root });
  const leaf = await ca.issue({ subject: "CN=robot" });
  const delegate: IssuedCertificate = await ca.issue({
    subject: "CN=Responder",
    extendedKeyUsage: ["ocspSigning"],
    extraExtensions: [noCheck],
  });
  certificate = parseCertificate(leaf.certificate);
  issuer = parseCertificate(ca.certificate);
  const { serial } = leaf;
  const revoked = { revokedAt: new Date(at - 60_000), reason: 1 };
  responses = [
    makeOcspResponse({ issuer: ca, nonce, answers: [{ serial }] }),
    makeOcspResponse({ issuer: ca, nonce, answers: [{ serial, status: revoked }] }),
    makeOcspResponse({ issuer: ca, nonce, answers: [{ serial: "01" }, { serial, status: "unknown" }] }),
    makeOcspResponse({ issuer: ca, nonce, signer: delegate, answers: [{ serial, hash: "sha256" }] }),
    makeOcspResponse({
      issuer: ca,
      nonce,
      responderId: { name: ca.name },
      answers: [{ serial, status: revoked }],
    }),
    makeOcspResponse({ issuer: ca, answers: [{ serial, nextUpdate: null }] }),
  ];
});

const check = (der: Uint8Array) =>
  checkOcspResponse(der, {
    certificate,
    issuer,
    nonce,
    noncePolicy: "when-echoed",
    at,
    maximumAgeMs: 600_000,
    rules: defaultPathRules,
  });

function readOrRefuse(der: Uint8Array): OcspResponse | undefined {
  try {
    return parseOcspResponse(der);
  } catch (error) {
    if (error instanceof PkiError) return undefined;
    throw error;
  }
}

function quickly<T>(run: () => T): T {
  const start = performance.now();
  const result = run();
  const ms = performance.now() - start;
  if (ms > longestMs) throw new Error(`one input took ${ms.toFixed(0)} ms`);
  return result;
}

const signedPart = (der: Uint8Array): string => {
  const response = readOrRefuse(der);
  return response?.status === "successful" ? Buffer.from(response.basic.toBeSigned).toString("hex") : "";
};

describe(`OCSP under ${runs} damaged responses`, () => {
  it("judges its undamaged inputs rightly: the fuzzing starts from what counts", () => {
    const statuses = responses
      .map((der) => check(der))
      .map((one) => (typeof one === "string" ? one : one.status));
    expect(statuses).toEqual(["good", "revoked", "unknown", "good", "revoked", "good"]);
  });

  it("reads a damaged response or refuses it, and lets none count whose signed part was changed", () => {
    const genuine = new Set(responses.map(signedPart));
    let counted = 0;
    const property = fc.property(damage, (one) => {
      const der = applyDamage(responses, one);
      const answer = quickly(() => check(der));
      if (typeof answer === "string") return answer.length < 1_000;
      counted += 1;
      return genuine.has(signedPart(der));
    });
    expect(() => fc.assert(property, { numRuns: Math.ceil(runs * 0.9) })).not.toThrow();
    // Damage outside the signed part (a certificate that nobody needs, say) must have come through at times.
    expect(counted).toBeGreaterThan(0);
  });

  it("survives bytes that were never a response", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (noise) =>
      [noise, sequence(noise), Buffer.concat([Buffer.from("30030a0100", "hex"), noise])].every(
        (der) => typeof quickly(() => check(der)) === "string",
      ),
    );
    expect(() => fc.assert(property, { numRuns: Math.ceil(runs * 0.1) })).not.toThrow();
  });
});
