import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One case of a corpus, as the schema of the conformance folder's README describes it; only what is used. */
export interface CorpusCase {
  readonly id: string;
  readonly source: string;
  readonly tier: string;
  readonly policy?: readonly string[];
  readonly expected: "accept" | "reject";
  /** ISO instant. */
  readonly time: string;
  /** Pool keys. */
  readonly trusted: readonly string[];
  readonly intermediates: readonly string[];
  readonly leaf: string;
  readonly crls?: readonly string[];
  readonly revocation: "hard" | "off";
  readonly options?: CorpusOptions;
  /** Where the source gives one: for a handshake with the leaf. */
  readonly leafKeyPem?: string;
}

export interface CorpusOptions {
  readonly requiredEku?: "clientAuth" | null;
  readonly requireEku?: boolean;
  readonly maxIntermediates?: number;
  readonly minRsaBits?: number;
  readonly allowCaLeaf?: boolean;
  readonly maxCrlAgeSeconds?: number;
  readonly initialPolicySet?: readonly string[];
  readonly explicitPolicy?: boolean;
  readonly policyMappingInhibit?: boolean;
  readonly anyPolicyInhibit?: boolean;
  readonly checkChain?: boolean;
}

export interface Corpus {
  readonly source: string;
  readonly cases: readonly CorpusCase[];
  /** The DER under a pool key. */
  readonly der: (key: string) => Uint8Array;
}

/** A pair of Names and whether they are equal by RFC 5280 7.1. */
export interface NameVector {
  readonly id: string;
  /** Base64 DER. */
  readonly a: string;
  readonly b: string;
  readonly equal: boolean;
}

export interface ConformanceFolder {
  readonly corpora: readonly Corpus[];
  readonly names: readonly NameVector[];
}

/**
 * Reads every `*.json.gz` and `*.json` corpus of a folder.
 * @throws Error where the folder holds none: a run over nothing must not pass
 */
export function readFolder(folder: string): ConformanceFolder {
  const corpora: Corpus[] = [];
  const names: NameVector[] = [];
  for (const file of readdirSync(folder).toSorted()) {
    if (!/\.json(?:\.gz)?$/.test(file) || file === "MANIFEST.json") continue;
    const bytes = readFileSync(join(folder, file));
    const content = JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
    if (Array.isArray(content.vectors)) names.push(...content.vectors);
    if (!Array.isArray(content.cases)) continue;
    corpora.push({
      source: content.source ?? file,
      cases: content.cases,
      der: (key) => {
        const found = content.pool[key];
        if (found === undefined) throw new Error(`${file}: ${key} is not in the pool`);
        return Buffer.from(found, "base64");
      },
    });
  }
  if (corpora.length === 0) throw new Error(`${folder} holds no corpus (*.json.gz)`);
  return { corpora, names };
}
