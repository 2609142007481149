import { GatewayError } from "../kernel/errors.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Verdict } from "../model/verdict.ts";

/** What an operator wrote about one client. */
export interface ClientOptions {
  readonly name: string;
  /** In any spelling that `readThumbprint` takes. */
  readonly thumbprints: readonly string[];
  readonly deployments: readonly string[];
  readonly routes: readonly string[];
}

/** One client, ready for decisions. */
export interface ClientEntry {
  readonly name: string;
  readonly deployments: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
}

/** Both hashes of the leaf certificate of a verified path: lower-case hex without separators. */
export interface LeafThumbprints {
  readonly sha256: string;
  readonly sha1: string;
}

export interface ClientMap {
  /** Whose certificate is it? Constant time in the number of clients. Denies with `client_unknown`. */
  match(leaf: LeafThumbprints): Verdict<ClientEntry>;
}

/**
 * Compiles the client map.
 * @throws GatewayError `internal_error` on a thumbprint that is malformed or stands on two clients. The
 * configuration check reports these before; a map that got here with one must not be served.
 */
export function compileClientMap(
  clients: Iterable<ClientOptions>,
  options: { readonly allowSha1: boolean },
): ClientMap {
  const bySha256 = new Map<string, ClientEntry>();
  const bySha1 = new Map<string, ClientEntry>();
  for (const { name, thumbprints, deployments, routes } of clients) {
    const entry: ClientEntry = { name, deployments: new Set(deployments), routes: new Set(routes) };
    for (const text of thumbprints) {
      const reading = readThumbprint(text);
      if (!reading.ok) throw broken(name, `a thumbprint is malformed: ${reading.reason}`);
      const { algorithm, hex } = reading.thumbprint;
      if (algorithm === "sha1" && !options.allowSha1)
        throw broken(name, "a SHA-1 thumbprint, and SHA-1 is switched off");
      const index = algorithm === "sha256" ? bySha256 : bySha1;
      const owner = index.get(hex);
      if (owner !== undefined && owner !== entry)
        throw broken(name, `thumbprint ${hex} stands on client ${owner.name} too`);
      index.set(hex, entry);
    }
  }
  return {
    match({ sha256, sha1 }) {
      const strong = bySha256.get(sha256);
      const weak = bySha1.get(sha1);
      // Two entries for one certificate contradict each other, and a SHA-1 collision looks just like this.
      if (strong !== undefined && weak !== undefined && strong !== weak)
        return unknown(sha256, "its SHA-256 and its SHA-1 thumbprint stand on two different clients");
      const entry = strong ?? weak;
      if (entry === undefined) return unknown(sha256, "no client has its thumbprint");
      return allow(entry, [
        {
          check: "client-map",
          outcome: "pass",
          detail: `client ${entry.name}, by ${strong === undefined ? `SHA-1 ${sha1}` : `SHA-256 ${sha256}`}`,
        },
      ]);
    },
  };
}

const unknown = (sha256: string, why: string) =>
  deny("client_unknown", `The certificate with SHA-256 thumbprint ${sha256} is unknown here: ${why}.`, [
    { check: "client-map", outcome: "fail", detail: why },
  ]);

const broken = (client: string, what: string) =>
  new GatewayError("internal_error", `client map: client ${client}: ${what}`);
