import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CallerDecision, type CallerFacts, ConnectionCaller } from "../../../src/gateway/caller.ts";
import {
  createClientCertificateVerifier,
  type TrustFacts,
} from "../../../src/identity/client-certificate.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { silentMetrics } from "../../../src/model/metrics.ts";
import type { MissingRevocation } from "../../../src/pki/path-failure.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import type { ClientMap } from "../../../src/policy/client-map.ts";
import { clientMapOf } from "../../support/client-map.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { testPki, type TestPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

let pki: TestPki;
beforeAll(async () => {
  pki = await testPki();
});

let clock: ManualClock;
let trust: TrustFacts;
let generation: number;
let clients: ClientMap;
let judged: number;
let duringDecision: () => void;
let caller: ConnectionCaller;
let facts: CallerFacts;
let fetched: MissingRevocation[];
let fetchMissing: () => boolean;
beforeEach(() => {
  clock = new ManualClock(Date.now());
  trust = trustFactsOf(pki);
  generation = 1;
  clients = mapOf(pki.client.thumbprint);
  judged = 0;
  duringDecision = () => {};
  const verifier = createClientCertificateVerifier({
    clock,
    log: silentLogger,
    metrics: silentMetrics,
    rules: defaultPathRules,
    facts: () => trust,
  });
  fetched = [];
  fetchMissing = () => false;
  facts = {
    clock,
    fetchMissing: (missing) => {
      fetched.push(...missing);
      return Promise.resolve(fetchMissing());
    },
    clients: () => clients,
    generation: () => generation,
    verifier: {
      verify(presented) {
        judged += 1;
        duringDecision();
        return verifier.verify(presented);
      },
    },
  };
  caller = callerWith();
});

const mapOf = (thumbprint: string) =>
  clientMapOf([{ name: "scanner", thumbprints: [thumbprint], deployments: ["gpt-4o"], routes: [] }], {
    deployments: ["gpt-4o"],
    roles: {},
  });
const callerWith = () =>
  new ConnectionCaller(new CallerDecision({ chain: chainOf(pki.client), tls: { authorized: true } }, facts));

describe("the caller of a connection", () => {
  it("is told by its principal and its client entry", () => {
    expect(caller.identify()).toMatchObject({
      allowed: true,
      value: {
        principal: { client: "scanner", thumbprint: pki.client.thumbprint },
        entry: { name: "scanner", rights: { deployments: new Set(["gpt-4o"]) } },
      },
    });
  });

  it("is denied, with the whole trace, when no client entry matches its valid chain", () => {
    clients = mapOf("a".repeat(64));
    const verdict = caller.identify();
    expect(verdict).toMatchObject({ allowed: false, code: "client_unknown" });
    const checks = verdict.trace.map(({ check, outcome }) => `${check} ${outcome}`);
    expect(checks).toContain("revocation pass");
    expect(checks.at(-1)).toBe("client-map fail");
  });
});

describe("a pinned verdict", () => {
  it("stands while nothing changes", () => {
    const first = caller.identify();
    clock.sleep(1000);
    expect(caller.identify()).toBe(first);
    expect(judged).toBe(1);
  });

  it("is made again when the generation changes", () => {
    caller.identify();
    generation += 1;
    caller.identify();
    caller.identify();
    expect(judged).toBe(2);
  });

  it("becomes a denial when the change was a revocation", async () => {
    caller.identify();
    const revocation = await pki.intermediate.crl({ revoked: [{ serial: pki.client.serial }] });
    trust = trustFactsOf(pki, { version: 2, crls: [pki.rootCrl, revocation] });
    generation = 2;
    expect(caller.identify()).toMatchObject({ allowed: false, code: "client_certificate_revoked" });
  });

  it("becomes a denial when its client was taken out of the configuration", () => {
    caller.identify();
    clients = clientMapOf([], { deployments: [], roles: {} });
    generation += 1;
    expect(caller.identify()).toMatchObject({ allowed: false, code: "client_unknown" });
  });

  it("is made again at the instant at which it ends, and not before", () => {
    const verdict = caller.identify();
    if (!verdict.allowed) throw new Error(verdict.detail);
    const { validUntil } = verdict.value;
    clock.sleep(validUntil - 1 - clock.now());
    expect(caller.identify()).toBe(verdict);
    clock.sleep(1);
    caller.identify();
    expect(judged).toBe(2);
  });

  it("is made again when the clock was set back", () => {
    caller.identify();
    clock.sleep(-1);
    caller.identify();
    expect(judged).toBe(2);
  });

  it("is made again when the generation changed during the decision", () => {
    duringDecision = () => {
      generation += 1;
      duringDecision = () => {};
    };
    caller.identify();
    caller.identify();
    expect(judged).toBe(2);
  });

  it("is never a denial", () => {
    trust = { ...trust, anchors: [] };
    expect(caller.identify().allowed).toBe(false);
    expect(caller.identify().allowed).toBe(false);
    expect(judged).toBe(2);
    // The same generation and time: nothing but the facts themselves may let the caller in.
    trust = trustFactsOf(pki);
    expect(caller.identify().allowed).toBe(true);
  });

  it("belongs to one connection", () => {
    caller.identify();
    callerWith().identify();
    expect(judged).toBe(2);
  });
});

describe("a caller for whom revocation data is missing", () => {
  beforeEach(() => {
    trust = trustFactsOf(pki, { crls: [pki.rootCrl] });
  });

  it("is let in when the data comes", async () => {
    fetchMissing = () => {
      trust = trustFactsOf(pki, { version: 2 });
      generation = 2;
      return true;
    };
    expect((await caller.identifyOrFetch()).allowed).toBe(true);
    expect(fetched).toHaveLength(1);
  });

  it("is denied when nothing new comes, without being judged twice", async () => {
    expect(await caller.identifyOrFetch()).toMatchObject({ allowed: false, code: "revocation_unavailable" });
    expect(judged).toBe(1);
  });

  it("is denied when what comes does not help", async () => {
    fetchMissing = () => true;
    expect(await caller.identifyOrFetch()).toMatchObject({ allowed: false, code: "revocation_unavailable" });
    expect(fetched).toHaveLength(1);
  });

  it("is denied when what comes revokes it", async () => {
    const revocation = await pki.intermediate.crl({ revoked: [{ serial: pki.client.serial }] });
    fetchMissing = () => {
      trust = trustFactsOf(pki, { version: 2, crls: [pki.rootCrl, revocation] });
      generation = 2;
      return true;
    };
    expect(await caller.identifyOrFetch()).toMatchObject({
      allowed: false,
      code: "client_certificate_revoked",
    });
  });

  it("is not waited for where it is denied for another reason", async () => {
    trust = { ...trust, anchors: [] };
    expect(await caller.identifyOrFetch()).toMatchObject({ allowed: false, code: "trust_unavailable" });
    expect(fetched).toEqual([]);
  });
});
