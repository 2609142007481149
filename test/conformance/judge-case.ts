import { Budget } from "../../src/pki/budget.ts";
import { parseCertificate } from "../../src/pki/certificate.ts";
import { type Crl, parseCrl } from "../../src/pki/crl.ts";
import { PkiError } from "../../src/pki/pki-error.ts";
import { checkRevocation } from "../../src/pki/revocation-check.ts";
import { createCrlIndex, type RevocationPolicy } from "../../src/pki/revocation.ts";
import { defaultPathRules, type PathRules, verifyPath } from "../../src/pki/verify-path.ts";
import type { Corpus, CorpusCase } from "./corpus.ts";

/** What the gateway's own entry points say about a case. */
export interface Judgement {
  readonly got: "accept" | "reject";
  /** Reason code and sentence of a rejection; empty for an acceptance. */
  readonly reason: string;
}

const accept: Judgement = { got: "accept", reason: "" };
const reject = (code: string, detail: string): Judgement => ({ got: "reject", reason: `${code}: ${detail}` });

/** A case's options in the words of `PathRules`; what the corpus leaves open stays at the gateway's default. */
export function rulesFor({ options = {} }: CorpusCase, profile: PathRules["profile"]): PathRules {
  const { policies } = defaultPathRules;
  return {
    ...defaultPathRules,
    profile,
    purpose: options.requiredEku === "clientAuth" ? "client-auth" : "any",
    ...(options.requireEku === true
      ? { absentExtendedKeyUsage: "refuse" as const, anyExtendedKeyUsage: "refuse" as const }
      : {}),
    ...(options.allowCaLeaf === true ? { caAsLeaf: "accept" as const } : {}),
    ...(options.minRsaBits === undefined ? {} : { minimumRsaBits: options.minRsaBits }),
    ...(options.maxIntermediates === undefined ? {} : { maximumIntermediates: options.maxIntermediates }),
    policies: {
      initial: options.initialPolicySet ?? policies.initial,
      explicit: options.explicitPolicy === true ? "required" : policies.explicit,
      mapping: options.policyMappingInhibit === true ? "inhibited" : policies.mapping,
      anyPolicy: options.anyPolicyInhibit === true ? "inhibited" : policies.anyPolicy,
    },
  };
}

function revocationFor(
  { revocation, options = {}, policy = [] }: CorpusCase,
  crls: readonly Crl[],
): RevocationPolicy {
  return {
    mode: revocation,
    graceMs: 0,
    crls: createCrlIndex(crls),
    ...(options.maxCrlAgeSeconds === undefined ? {} : { maxCrlAgeMs: options.maxCrlAgeSeconds * 1000 }),
    ...(policy.includes("allowCrlWithoutNextUpdate") ? { crlWithoutNextUpdate: "accept" as const } : {}),
  };
}

/** A file of trust or revocation data that cannot be read counts as not there, as in the gateway. */
function readable<T>(keys: readonly string[], read: (der: Uint8Array) => T, corpus: Corpus): T[] {
  return keys.flatMap((key) => {
    try {
      return [read(corpus.der(key))];
    } catch (error) {
      if (error instanceof PkiError) return [];
      throw error;
    }
  });
}

/** What a decision about a case rests on, its certificates aside. */
export function factsFor(corpus: Corpus, item: CorpusCase, profile: PathRules["profile"] = "interoperable") {
  return {
    at: Date.parse(item.time),
    rules: rulesFor(item, profile),
    anchors: readable(item.trusted, parseCertificate, corpus),
    revocation: revocationFor(item, readable(item.crls ?? [], parseCrl, corpus)),
  };
}

/** Decides a case the way the gateway does. */
export function judgeCase(
  corpus: Corpus,
  item: CorpusCase,
  profile: PathRules["profile"] = "interoperable",
): Judgement {
  const { at, rules, anchors, revocation } = factsFor(corpus, item, profile);

  if (item.options?.checkChain === false) {
    // The corpus asks for the CRL rules alone: the issuer is bare, with no path to check above it.
    const [certificate] = readable([item.leaf], parseCertificate, corpus);
    const issuer = anchors[0];
    if (certificate === undefined || issuer === undefined) return reject("unreadable", "leaf or issuer");
    const context = {
      policy: revocation,
      at,
      budget: new Budget(rules.limits),
      rules,
      signersNamed: () => [],
    };
    const status = checkRevocation(certificate, issuer, context);
    if (status.status === "good") return accept;
    return reject(status.status, status.status === "unknown" ? status.problems.join("; ") : status.detail);
  }

  const verdict = verifyPath({
    leaf: corpus.der(item.leaf),
    candidates: item.intermediates.map(corpus.der),
    anchors,
    at,
    rules,
    revocation,
  });
  return verdict.allowed ? accept : reject(verdict.code, verdict.detail);
}
