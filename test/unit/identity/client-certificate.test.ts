import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../../src/dev/pki/authority.ts";
import {
  type ClientCertificateVerifier,
  createClientCertificateVerifier,
  type Presented,
  type TrustFacts,
} from "../../../src/identity/client-certificate.ts";
import { type ConnectionEvent, silentMetrics } from "../../../src/model/metrics.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import type { VerifiedPath } from "../../../src/pki/verified-path.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger, type RecordingLogger } from "../../support/recording-logger.ts";
import { testPki, type TestPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

const day = 86_400_000;
const yes = { authorized: true };
const no = { authorized: false, error: "SELF_SIGNED_CERT_IN_CHAIN" };

let pki: TestPki;
let revokedFacts: TrustFacts;
let expired: IssuedCertificate;
beforeAll(async () => {
  pki = await testPki();
  const revocation = await pki.intermediate.crl({ revoked: [{ serial: pki.client.serial }] });
  revokedFacts = trustFactsOf(pki, { version: 2, crls: [pki.rootCrl, revocation] });
  expired = await pki.intermediate.issue({
    subject: "CN=expired",
    notBefore: new Date(Date.now() - 9 * day),
    notAfter: new Date(Date.now() - day),
  });
});

let clock: ManualClock;
let facts: TrustFacts;
let log: RecordingLogger;
let counted: ConnectionEvent[];
let verifier: ClientCertificateVerifier;
function create(cacheSize?: number): ClientCertificateVerifier {
  return createClientCertificateVerifier({
    clock,
    log,
    rules: defaultPathRules,
    facts: () => facts,
    metrics: { ...silentMetrics, connection: (event) => counted.push(event) },
    ...(cacheSize === undefined ? {} : { cacheSize }),
  });
}
beforeEach(() => {
  clock = new ManualClock(Date.now());
  facts = trustFactsOf(pki);
  log = createRecordingLogger();
  counted = [];
  verifier = create();
});

const presented = (tls: Presented["tls"] = yes, who = pki.client): Presented => ({
  chain: chainOf(who),
  tls,
});

/** The proof itself: a kept verdict gives the same object again, a new judgement another one. */
function pathOf(given = presented(), by = verifier): VerifiedPath {
  const verdict = by.verify(given);
  if (!verdict.allowed) throw new Error(`denied: ${verdict.code}`);
  return verdict.value;
}

describe("a presented chain", () => {
  it("that is absent is missing, whatever the TLS library says about it", () => {
    const tls = { authorized: false, error: "UNABLE_TO_GET_ISSUER_CERT" };
    expect(verifier.verify({ chain: undefined, tls })).toMatchObject({ code: "client_certificate_missing" });
  });

  it("that is absent is missing, also while there is no trust anchor", () => {
    facts = { ...facts, anchors: [] };
    expect(verifier.verify({ chain: undefined, tls: no })).toMatchObject({
      code: "client_certificate_missing",
    });
  });

  it("is accepted when both voices say yes", () => {
    const verdict = verifier.verify(presented());
    expect(verdict.allowed).toBe(true);
    expect(verdict.trace.at(-1)).toMatchObject({ check: "tls-second-opinion", outcome: "pass" });
    expect([counted, log.lines]).toEqual([[], []]);
  });

  it("is denied, counted and logged when only the TLS library says no", () => {
    const verdict = verifier.verify(presented(no));
    expect(verdict).toMatchObject({ allowed: false, code: "client_certificate_untrusted" });
    expect(verdict.trace.at(-1)).toMatchObject({
      check: "tls-second-opinion",
      outcome: "fail",
      detail: "the TLS library says SELF_SIGNED_CERT_IN_CHAIN",
    });
    expect(counted).toEqual(["refused-by-tls-only"]);
    expect(log.lines).toMatchObject([
      { level: "warn", fields: { tlsError: "SELF_SIGNED_CERT_IN_CHAIN", subject: "CN=device-1" } },
    ]);
  });

  it("is denied, counted and logged when only Certgate says no to what the library could see too", () => {
    expect(verifier.verify(presented(yes, expired))).toMatchObject({ code: "client_certificate_expired" });
    expect(counted).toEqual(["refused-by-certgate-only"]);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { reason: "client_certificate_expired" } }]);
  });

  it("that is revoked is denied without a disagreement: the TLS library knows no CRL", () => {
    facts = revokedFacts;
    expect(verifier.verify(presented())).toMatchObject({ code: "client_certificate_revoked" });
    expect([counted, log.lines]).toEqual([[], []]);
  });

  it("is denied for Certgate's reason when both say no", () => {
    const verdict = verifier.verify(presented({ authorized: false, error: "CERT_HAS_EXPIRED" }, expired));
    expect(verdict).toMatchObject({ code: "client_certificate_expired" });
    expect(counted).toEqual([]);
  });

  it("is judged by Certgate alone in a dry run", () => {
    const verdict = verifier.verify(presented("not-asked"));
    expect(verdict.allowed).toBe(true);
    expect(verdict.trace.map(({ check }) => check)).not.toContain("tls-second-opinion");
  });
});

describe("a verified path", () => {
  it("is kept while nothing changes", () => {
    const first = pathOf();
    clock.sleep(1000);
    expect(pathOf()).toBe(first);
  });

  it("is not kept beyond the version of the facts that it rests on", () => {
    const first = pathOf();
    facts = { ...facts, version: 2 };
    expect(pathOf()).not.toBe(first);
  });

  it("does not survive a revocation", () => {
    pathOf();
    facts = revokedFacts;
    expect(verifier.verify(presented())).toMatchObject({ code: "client_certificate_revoked" });
  });

  it("is not kept beyond its end", () => {
    const { validUntil } = pathOf();
    clock.sleep(validUntil - clock.now() + 1000);
    // The lists end first; without a current one nobody passes.
    expect(verifier.verify(presented())).toMatchObject({ code: "revocation_unavailable" });
  });

  it("is not kept when the clock was set back", () => {
    const first = pathOf();
    clock.sleep(-60_000);
    expect(pathOf()).not.toBe(first);
  });

  it("does not carry the TLS library's yes over to a connection that got a no", () => {
    pathOf();
    expect(verifier.verify(presented(no))).toMatchObject({ code: "client_certificate_untrusted" });
  });

  it("does not stand for the same leaf with other certificates beside it", () => {
    pathOf();
    const { leaf } = chainOf(pki.client);
    expect(verifier.verify({ chain: { leaf, others: [] }, tls: yes })).toMatchObject({
      code: "client_certificate_untrusted",
    });
  });

  it("makes room for another one when there are too many", async () => {
    const small = create(1);
    const other = await pki.intermediate.issue({ subject: "CN=device-2" });
    const first = pathOf(presented(), small);
    expect(pathOf(presented(), small)).toBe(first);
    pathOf(presented(yes, other), small);
    expect(pathOf(presented(), small)).not.toBe(first);
  });
});

describe("a denial", () => {
  it("is never kept: who was mended gets in at once", () => {
    facts = { ...facts, anchors: [] };
    expect(verifier.verify(presented())).toMatchObject({ code: "trust_unavailable" });
    // The same version on purpose: nothing but the facts themselves may let the client in.
    facts = trustFactsOf(pki);
    expect(verifier.verify(presented()).allowed).toBe(true);
  });
});

describe("soft mode", () => {
  const endsIn = async (seconds: number) => {
    const nextUpdate = new Date(clock.now() + seconds * 1000);
    const crl = await pki.intermediate.crl({ nextUpdate });
    const given = trustFactsOf(pki, { crls: [pki.rootCrl, crl] });
    facts = { ...given, revocation: { ...given.revocation, mode: "soft", graceMs: day } };
  };
  const warnings = () => log.lines.filter(({ level }) => level === "warn");

  it("counts and logs a decision that rests on a CRL after its end, once a decision", async () => {
    await endsIn(-30);
    pathOf();
    pathOf();
    expect(counted).toEqual(["accepted-on-stale-revocation"]);
    expect(warnings()).toMatchObject([
      { fields: { certificate: "CN=device-1", detail: expect.stringMatching(/out of date/) } },
    ]);
  });

  it("does not let a verdict from before that end slip by uncounted", async () => {
    await endsIn(30);
    pathOf();
    expect(counted).toEqual([]);
    clock.sleep(31_000);
    pathOf();
    expect(counted).toEqual(["accepted-on-stale-revocation"]);
  });
});
