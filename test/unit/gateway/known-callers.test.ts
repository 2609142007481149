import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../../src/dev/pki/authority.ts";
import { type CallerFacts, thumbprintOf } from "../../../src/gateway/caller.ts";
import { KnownCallers } from "../../../src/gateway/known-callers.ts";
import {
  createClientCertificateVerifier,
  type Presented,
  type TrustFacts,
} from "../../../src/identity/client-certificate.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { silentMetrics } from "../../../src/model/metrics.ts";
import { deny } from "../../../src/model/verdict.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import type { ClientMap } from "../../../src/policy/client-map.ts";
import { clientMapOf } from "../../support/client-map.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { testPki, type TestPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

let pki: TestPki;
let second: IssuedCertificate;
beforeAll(async () => {
  pki = await testPki();
  second = await pki.intermediate.issue({ subject: "CN=device-2" });
});

let trust: TrustFacts;
let generation: number;
let clients: ClientMap;
let captured: Presented[];
let facts: CallerFacts;
beforeEach(() => {
  const clock = new ManualClock(Date.now());
  trust = trustFactsOf(pki);
  generation = 1;
  clients = mapOf(pki.client.thumbprint, second.thumbprint);
  captured = [];
  facts = {
    clock,
    fetchMissing: () => Promise.resolve(false),
    clients: () => clients,
    generation: () => generation,
    verifier: createClientCertificateVerifier({
      clock,
      log: silentLogger,
      metrics: silentMetrics,
      rules: defaultPathRules,
      facts: () => trust,
    }),
  };
});

const mapOf = (...thumbprints: string[]) =>
  clientMapOf([{ name: "devices", thumbprints, deployments: ["gpt-4o"], routes: [] }], {
    deployments: ["gpt-4o"],
    roles: {},
  });

const complete = (who = pki.client): Presented => ({ chain: chainOf(who), tls: { authorized: true } });
const leafAlone = (): Presented => ({
  chain: { leaf: chainOf(pki.client).leaf, others: [] },
  tls: { authorized: true },
});

/** A connection on which this is presented, and its caller. */
function connect(known: KnownCallers, presented: Presented | undefined, who = pki.client) {
  const recognised = presented?.tls !== "not-asked" && presented?.tls.authorized === false;
  return known.callerOf(recognised ? undefined : thumbprintOf(chainOf(who).leaf), () => {
    if (presented !== undefined) captured.push(presented);
    return presented;
  });
}

describe("a certificate that was let in", () => {
  it("is read and decided about once, however often it connects", () => {
    const known = new KnownCallers(facts);
    const first = connect(known, complete()).identify();
    expect(first.allowed).toBe(true);
    expect(connect(known, complete()).identify()).toBe(first);
    expect(captured).toHaveLength(1);
  });

  it("is denied on its next connection once a fact has changed", () => {
    const known = new KnownCallers(facts);
    connect(known, complete()).identify();
    clients = mapOf("a".repeat(64));
    generation += 1;
    expect(connect(known, complete()).identify()).toMatchObject({ allowed: false, code: "client_unknown" });
  });

  it("is denied only for what it presented itself: a chain that was remembered may be out of date", () => {
    const outdated = new Set<Presented>();
    const known = new KnownCallers({ ...facts, verifier: rejecting(outdated) });
    const old = complete();
    expect(connect(known, old).identify().allowed).toBe(true);
    outdated.add(old);
    generation += 1;
    const renewed = connect(known, complete());
    expect(renewed.identify().allowed).toBe(true);
    expect(captured).toHaveLength(2);
  });

  it("needs not bring its issuers each time, while the TLS library accepts it", () => {
    const known = new KnownCallers(facts);
    connect(known, complete()).identify();
    expect(connect(known, leafAlone()).identify().allowed).toBe(true);
  });

  it("is judged by what it presents where the TLS library does not accept that", () => {
    const known = new KnownCallers(facts);
    connect(known, complete()).identify();
    const refused = { ...complete(), tls: { authorized: false, error: "CERT_UNTRUSTED" } };
    expect(connect(known, refused).identify()).toMatchObject({
      allowed: false,
      code: "client_certificate_untrusted",
    });
  });

  it("is forgotten once it is denied: its next connection is judged once", () => {
    let judged = 0;
    const { verifier } = facts;
    const known = new KnownCallers({
      ...facts,
      verifier: { verify: (presented) => ((judged += 1), verifier.verify(presented)) },
    });
    connect(known, complete()).identify();
    clients = mapOf("a".repeat(64));
    generation += 1;
    connect(known, complete()).identify();
    judged = 0;
    connect(known, complete()).identify();
    expect(judged).toBe(1);
  });

  it("keeps its denial when the connection ended before it could be read again", () => {
    const known = new KnownCallers(facts);
    connect(known, complete()).identify();
    clients = mapOf("a".repeat(64));
    generation += 1;
    expect(connect(known, undefined).identify()).toMatchObject({ allowed: false, code: "client_unknown" });
  });

  it("makes room for newer ones, the oldest first", () => {
    const known = new KnownCallers(facts, 1);
    connect(known, complete()).identify();
    connect(known, complete(second), second).identify();
    connect(known, complete(second), second).identify();
    expect(captured).toHaveLength(2);
    connect(known, complete()).identify();
    expect(captured).toHaveLength(3);
  });
});

describe("a certificate that was not let in", () => {
  it("is not remembered: the issuers that it lacked are looked for again", () => {
    const known = new KnownCallers(facts);
    expect(connect(known, leafAlone()).identify().allowed).toBe(false);
    expect(connect(known, complete()).identify().allowed).toBe(true);
    expect(captured).toHaveLength(2);
  });
});

describe("a chain", () => {
  it("with more beside it than any needs is read anew each time", () => {
    const known = new KnownCallers(facts);
    const { leaf, others } = chainOf(pki.client);
    const padded: Presented = {
      chain: { leaf, others: [...others, new Uint8Array(16 * 1024)] },
      tls: { authorized: true },
    };
    expect(connect(known, padded).identify().allowed).toBe(true);
    expect(connect(known, padded).identify().allowed).toBe(true);
    expect(captured).toHaveLength(2);
  });

  it("of another certificate than was announced is not remembered as that one's", () => {
    const known = new KnownCallers(facts);
    connect(known, complete(second), pki.client).identify();
    expect(connect(known, complete()).identify()).toMatchObject({
      value: { principal: { thumbprint: pki.client.thumbprint } },
    });
  });
});

describe("a connection that has ended already", () => {
  it("has no certificate", () => {
    expect(new KnownCallers(facts).callerOf(undefined, () => undefined).identify()).toMatchObject({
      allowed: false,
      code: "client_certificate_missing",
    });
  });
});

/** The real verifier, but that it finds no path for some chains any more. */
function rejecting(outdated: ReadonlySet<Presented>): CallerFacts["verifier"] {
  const { verifier } = facts;
  return {
    verify: (presented) =>
      outdated.has(presented) ? deny("client_certificate_untrusted", "no path") : verifier.verify(presented),
  };
}
