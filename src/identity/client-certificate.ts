import { hash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Metrics } from "../model/metrics.ts";
import type { PresentedChain, TlsOpinion } from "../model/presented-chain.ts";
import { type Allowed, deny, type TraceStep } from "../model/verdict.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { RevocationPolicy } from "../pki/revocation.ts";
import type { VerifiedPath } from "../pki/verified-path.ts";
import { type PathRules, type PathVerdict, verifyPath } from "../pki/verify-path.ts";

/** What validation rests on, at one moment. `version` grows with every change of content. */
export interface TrustFacts {
  readonly version: number;
  readonly anchors: readonly Certificate[];
  /** Untrusted help for path building, beside what the client presents. */
  readonly intermediates: readonly Certificate[];
  readonly revocation: RevocationPolicy;
}

/** What a connection brings: foreign bytes and the TLS library's opinion of them. */
export interface Presented {
  /** Undefined when the client presented no certificate. */
  readonly chain: PresentedChain | undefined;
  /** `not-asked`: a dry run, in which no handshake took place. No listener ever says so. */
  readonly tls: TlsOpinion | "not-asked";
}

export interface ClientCertificateVerifierOptions {
  readonly clock: Clock;
  readonly rules: PathRules;
  readonly facts: () => TrustFacts;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How many verified paths are kept. Default 10,000, about 2 KB each. */
  readonly cacheSize?: number;
}

export interface ClientCertificateVerifier {
  /** Presented chain in, verified path out: both voices, the TLS library's and ours, must say yes. */
  verify(presented: Presented): PathVerdict;
}

interface CachedPath {
  readonly verdict: Allowed<VerifiedPath>;
  readonly version: number;
  readonly decidedAt: number;
  readonly validUntil: number;
}

/** CA certificates that clients present themselves are few; beyond this the oldest are read anew. */
const mostIssuers = 1000;

/**
 * Verified paths are cached per presented chain, with the version of the facts and the end of their validity: a
 * cached path never outlives what it rests on. Denials are not cached, so a client that was mended gets in at once.
 *
 * When the facts change, ten thousand connections may have to be judged again at once. The certificates of a verified
 * path are therefore kept as they were read: they remember which signatures are good, so that no signature is checked
 * twice. They stand in for equal bytes only, so the outcome is that of a first judgement.
 */
export function createClientCertificateVerifier(
  options: ClientCertificateVerifierOptions,
): ClientCertificateVerifier {
  const { clock, rules, facts, cacheSize = 10_000 } = options;
  const cache = new Map<string, CachedPath>();
  const issuers = new Map<string, Certificate>();

  const judge = (chain: PresentedChain): PathVerdict => {
    const now = clock.now();
    const { version, anchors, intermediates, revocation } = facts();
    const otherHashes = chain.others.map(sha256);
    const key = [sha256(chain.leaf), ...otherHashes].join(" ");
    const known = cache.get(key);
    // `decidedAt` guards against a clock that was set back: then nothing is known about this instant.
    if (known?.version === version && known.decidedAt <= now && now < known.validUntil) return known.verdict;
    cache.delete(key);
    const verdict = verifyPath({
      leaf: known?.verdict.value.leaf ?? chain.leaf,
      candidates: [
        ...chain.others.map((der, at) => issuers.get(otherHashes[at] ?? "") ?? der),
        ...intermediates,
      ],
      anchors,
      at: now,
      rules,
      revocation,
    });
    if (verdict.allowed) {
      tellStaleness(verdict.value, options);
      keep(cache, key, { verdict, version, decidedAt: now, validUntil: verdict.value.validUntil }, cacheSize);
      for (const certificate of verdict.value.certificates.slice(1))
        if (otherHashes.includes(certificate.sha256))
          keep(issuers, certificate.sha256, certificate, mostIssuers);
    }
    return verdict;
  };

  return {
    verify({ chain, tls }) {
      if (chain === undefined)
        return deny("client_certificate_missing", "The TLS handshake brought no client certificate.", [
          { check: "presented-chain", outcome: "fail", detail: "no certificate" },
        ]);
      return reconcile(judge(chain), tls, options);
    },
  };
}

/** Reasons that OpenSSL, as Node asks it, can find too. It knows no CRL here, so revocation is ours alone. */
const expressible: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "client_certificate_expired",
  "client_certificate_not_yet_valid",
  "client_certificate_untrusted",
  "client_certificate_wrong_usage",
]);

/**
 * OpenSSL takes no chain for complete that ends below a self-signed certificate, unless it is told to; Node's server
 * drops that option (26.10). An anchor that is an intermediate CA is ours alone to judge, then.
 */
function cannotExpress(path: VerifiedPath, { error }: TlsOpinion): boolean {
  const anchor = path.certificates.at(-1);
  return anchor?.isSelfIssued === false && error !== undefined && incompleteChain.has(error);
}

const incompleteChain: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function reconcile(
  ours: PathVerdict,
  tls: TlsOpinion | "not-asked",
  { log, metrics }: ClientCertificateVerifierOptions,
): PathVerdict {
  if (tls === "not-asked" || (ours.allowed && cannotExpress(ours.value, tls))) return ours;
  const step: TraceStep = {
    check: "tls-second-opinion",
    outcome: tls.authorized ? "pass" : "fail",
    detail: tls.authorized
      ? "the TLS library accepts the chain"
      : `the TLS library says ${tls.error ?? "no"}`,
  };
  if (ours.allowed && !tls.authorized) {
    metrics.connection("refused-by-tls-only");
    log.warn(
      { tlsError: tls.error, subject: ours.value.leaf.subject.text },
      "the TLS library refuses a client chain that Certgate accepts: denied",
    );
    return deny(
      "client_certificate_untrusted",
      `The TLS library refused the certificate chain (${tls.error ?? "no reason given"}).`,
      [...ours.trace, step],
    );
  }
  if (!ours.allowed && tls.authorized && expressible.has(ours.code)) {
    metrics.connection("refused-by-certgate-only");
    log.warn(
      { reason: ours.code, detail: ours.detail },
      "Certgate refuses a client chain that the TLS library accepts: denied",
    );
  }
  return { ...ours, trace: [...ours.trace, step] };
}

/** Soft mode takes a risk on purpose; it must not do so in silence. Once a decision, not once a request. */
function tellStaleness(path: VerifiedPath, { log, metrics }: ClientCertificateVerifierOptions): void {
  const stale = path.revocationNotes.filter(({ status }) => status === "stale");
  if (stale.length === 0) return;
  metrics.connection("accepted-on-stale-revocation");
  for (const { certificate, detail } of stale)
    log.warn(
      { certificate, client: path.leaf.subject.text, detail },
      "a client is let in on revocation data that is out of date (soft mode)",
    );
}

/** At most `most` entries; the oldest goes first. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  if (!map.has(key) && map.size >= most) map.delete(map.keys().next().value as string);
  map.set(key, value);
}

const sha256 = (der: Uint8Array): string => hash("sha256", der, "hex");
