import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClientCertificateVerifier } from "../../src/identity/client-certificate.ts";
import { describeFault } from "../../src/kernel/errors.ts";
import { ByteBudget } from "../../src/kernel/byte-budget.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { LiveExchanges } from "../../src/listener/live-exchanges.ts";
import { type Listener, startListener } from "../../src/listener/listener.ts";
import type { ConnectionEvent } from "../../src/model/metrics.ts";
import { silentMetrics } from "../../src/model/metrics.ts";
import type { Certificate } from "../../src/pki/certificate.ts";
import { allow } from "../../src/model/verdict.ts";
import { createSqliteOwnership } from "../../src/ownership/adapters/sqlite-ownership.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { builtIn } from "../../src/target/surface.ts";
import { ask } from "../support/ask.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { type Corpus, type CorpusCase, readFolder } from "./corpus.ts";
import { factsFor, judgeCase } from "./judge-case.ts";

const folder =
  process.env["CERTGATE_CONFORMANCE_DIR"] ?? resolve(import.meta.dirname, "../../../shared/conformance");
const absent = !existsSync(folder);

interface KeyedCase {
  readonly corpus: Corpus;
  readonly item: CorpusCase;
}
const keyed: KeyedCase[] = absent
  ? []
  : readFolder(folder).corpora.flatMap((corpus) =>
      corpus.cases.filter(({ leafKeyPem }) => leafKeyPem !== undefined).map((item) => ({ corpus, item })),
    );

const toPem = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;

/** The gateway's listener over the facts of one case, at the time of that case. */
async function listen(
  pki: TestPki,
  { corpus, item }: KeyedCase,
  events: ConnectionEvent[],
): Promise<Listener> {
  const { at, rules, anchors, revocation } = factsFor(corpus, item);
  const clock = new ManualClock(at);
  const metrics = { ...silentMetrics, connection: (event: ConnectionEvent) => void events.push(event) };
  const facts = { version: 1, anchors, intermediates: [] as Certificate[], revocation };
  const limits = { apiVersions: undefined, networks: undefined, windows: undefined };
  const rights = { deployments: new Set<string>(), permissions: [], limits };
  const gateway: Gateway = {
    clock,
    metrics,
    jsonBodyLimit: 1,
    formLimits: { heldBytes: 1, bodyBytes: 1 },
    bodies: new ByteBudget(() => ({ total: 1, perOwner: 1 })),
    bodyStallMs: 1000,
    surface: builtIn,
    poolOf: () => undefined,
    objectPools: new Map(),
    quickFirstByteTimeoutMs: 1,
    totalTimeoutMs: 1,
    backendOfNewObjects: undefined,
    ownership: {
      store: createSqliteOwnership({ file: ":memory:", clock }),
      daysKept: {},
      clock,
      logger: silentLogger,
    },
    routeOf: () => undefined,
  };
  return startListener({
    host: "127.0.0.1",
    port: 0,
    tls: {
      certificateChainPem: pki.server.chainPem,
      privateKeyPem: pki.server.keyPem,
      clientCas: anchors.map(({ der }) => der),
    },
    metrics,
    log: silentLogger,
    limits: () => ({
      connections: 1000,
      connectionsPerClient: 1000,
      connectionsPerSource: 1000,
      handshakesPerSecondPerSource: 10_000,
      pipelinedRequests: 1,
      headerSeconds: 30,
      unreadSeconds: 60,
      eventLoopLagMs: 10_000,
    }),
    callers: {
      clock,
      clients: () => ({
        match: () => allow({ entry: { name: "device", rights }, validUntil: Number.POSITIVE_INFINITY }),
      }),
      generation: () => 1,
      fetchMissing: async () => false,
      verifier: createClientCertificateVerifier({
        clock,
        rules,
        facts: () => facts,
        log: silentLogger,
        metrics,
      }),
    },
    exchanges: {
      clock,
      enter: () => ({ gateway, leave() {} }),
      record: () => {},
      draining: () => false,
      live: new LiveExchanges(clock),
    },
  });
}

/**
 * Over a real handshake two voices must say yes, so the TLS library can only take away: what the validator refuses
 * is refused, and what it accepts is accepted unless OpenSSL refuses it, which is a disagreement, counted and listed.
 */
describe.skipIf(absent)(
  `the corpora's keys over TLS${absent ? ` (skipped: there is no folder ${folder})` : ""}`,
  () => {
    let pki: TestPki;
    const outcomes: { id: string; wanted: string; got: string; disagreed: boolean }[] = [];

    beforeAll(async () => {
      pki = await createTestPki();
      for (const one of keyed) {
        const events: ConnectionEvent[] = [];
        const { corpus, item } = one;
        const wanted = judgeCase(corpus, item);
        const listener = await listen(pki, one, events);
        const client = {
          chainPem: [item.leaf, ...item.intermediates].map((key) => toPem(corpus.der(key))).join(""),
          keyPem: item.leafKeyPem as string,
        };
        const got = await ask(
          { port: listener.port, ca: pki.root.pem, client },
          { path: "/openai/v1/models" },
        ).then(
          ({ status, headers }) => (status === 200 ? "" : String(headers["x-certgate-reason"])),
          (fault: unknown) => `client: ${describeFault(fault)}`,
        );
        await listener.close(0);
        const disagreed = events.includes("refused-by-tls-only");
        outcomes.push({ id: item.id, wanted: wanted.reason.split(":")[0] ?? "", got, disagreed });
      }
    }, 120_000);
    afterAll(() => {
      // OpenSSL goes by the machine's clock, does not backtrack, and knows rules for issuers that we leave to them.
      const differ = shaken().filter(({ disagreed }) => disagreed);
      process.stdout.write(
        `over TLS: ${outcomes.length} cases, ${shaken().length} presented; refused by OpenSSL alone ${differ.length}:\n` +
          differ.map(({ id }) => `  ${id}\n`).join(""),
      );
    });

    /** Not those that OpenSSL as the client could not load, or (DSA) would not present in TLS 1.3. */
    const shaken = () =>
      outcomes.filter(({ got }) => !got.startsWith("client: ") && got !== "client_certificate_missing");

    it("are there, and nearly all of them shake hands", () => {
      expect(keyed.length).toBeGreaterThan(50);
      // OpenSSL as the client does not load a certificate that it cannot parse.
      expect(outcomes.length - shaken().length).toBeLessThan(outcomes.length / 5);
    });

    it("get the validator's verdict, reason code included, unless OpenSSL refuses what it accepts", () => {
      expect(shaken().filter(({ wanted, got, disagreed }) => got !== wanted && !disagreed)).toEqual([]);
    });

    it("are never let in where the validator refuses", () => {
      expect(shaken().filter(({ wanted, got }) => wanted !== "" && got === "")).toEqual([]);
    });
  },
);
