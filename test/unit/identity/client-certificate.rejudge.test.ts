import { expect, it } from "vitest";
import {
  createClientCertificateVerifier,
  type TrustFacts,
} from "../../../src/identity/client-certificate.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { silentMetrics } from "../../../src/model/metrics.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createTestPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

/** A verifier whose budget of signature checks a test can take away. */
async function setUp() {
  const pki = await createTestPki();
  const limits = { ...defaultPathRules.limits };
  let facts: TrustFacts = trustFactsOf(pki);
  const verifier = createClientCertificateVerifier({
    clock: new ManualClock(Date.now()),
    log: silentLogger,
    metrics: silentMetrics,
    rules: { ...defaultPathRules, limits },
    facts: () => facts,
  });
  return {
    pki,
    noMoreSignatureChecks: () => void (limits.signatureChecks = 0),
    factsChange: (change: Partial<TrustFacts> = {}) =>
      void (facts = { ...facts, version: facts.version + 1, ...change }),
    allows: (chain: ReturnType<typeof chainOf>) =>
      verifier.verify({ chain, tls: { authorized: true } }).allowed,
  };
}

it("judges a chain again without checking a signature again", async () => {
  const { pki, allows, factsChange, noMoreSignatureChecks } = await setUp();
  expect(allows(chainOf(pki.client))).toBe(true);
  factsChange();
  noMoreSignatureChecks();
  expect(allows(chainOf(pki.client))).toBe(true);
  // The budget is really gone: another client's own signature cannot be checked.
  expect(allows(chainOf(await pki.intermediate.issue({ subject: "CN=new" })))).toBe(false);
});

it("does not remember an intermediate for a client that does not present it", async () => {
  const { pki, allows, factsChange } = await setUp();
  expect(allows(chainOf(pki.client))).toBe(true);
  factsChange();
  expect(allows({ ...chainOf(pki.client), others: [] })).toBe(false);
});

it("forgets an anchor that is gone, whatever it vouched for before", async () => {
  const { pki, allows, factsChange } = await setUp();
  expect(allows(chainOf(pki.client))).toBe(true);
  factsChange({ anchors: trustFactsOf(await createTestPki("Other")).anchors });
  expect(allows(chainOf(pki.client))).toBe(false);
});
