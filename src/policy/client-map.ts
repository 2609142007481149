import { GatewayError } from "../kernel/errors.ts";
import type { ClientOptions } from "../model/client-options.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { sha1Thumbprint, sha256Thumbprint } from "../pki/certificate.ts";
import { viewOfPath } from "../pki/selector/selector-view.ts";
import type { VerifiedPath } from "../pki/verified-path.ts";
import type { ClientEntry } from "./client-entry.ts";
import {
  type CallerIdentity,
  type ClientIndex,
  ClientIndexBuilder,
  type ClientIndexOptions,
} from "./client-index.ts";

export type { ClientEntry } from "./client-entry.ts";

/** The client that a certificate belongs to, and for how long. */
export interface MatchedClient {
  readonly entry: ClientEntry;
  /** Epoch ms from which the match must be made again; infinite where nothing ends it. */
  readonly validUntil: number;
}

export interface ClientMap {
  /**
   * Whose certificate is it? Constant time in the number of clients. Denies with `client_unknown`, and with
   * `client_ambiguous` when it is more than one client's: which one was meant is not for the gateway to guess.
   * @param at epoch ms
   */
  match(path: VerifiedPath, at: number): Verdict<MatchedClient>;
}

/**
 * One map over several lists of clients.
 * @param contested names that stand in more than one list: nobody is served under them
 */
export const clientMapOver = (
  indexes: readonly ClientIndex[],
  contested: ReadonlySet<string> = new Set(),
): ClientMap => ({
  match: (path, at) =>
    matchIdentity(
      {
        sha256: sha256Thumbprint(path.leaf),
        sha1: sha1Thumbprint(path.leaf),
        names: viewOfPath(path),
      },
      at,
      indexes,
      contested,
    ),
});

/** As `ClientMap.match`, for facts that come from a verified path: it is for the map alone, and for measuring it. */
export function matchIdentity(
  identity: CallerIdentity,
  at: number,
  indexes: readonly ClientIndex[],
  contested: ReadonlySet<string> = new Set(),
): Verdict<MatchedClient> {
  const found = [];
  for (const index of indexes) {
    const matches = index.find(identity, at);
    if (matches === undefined)
      return refuse("client_unknown", identity, "it has too many names to look a client up by them");
    found.push(...matches);
  }
  const [match, other] = found;
  if (match === undefined)
    return refuse("client_unknown", identity, "no client has its thumbprint or a rule that it meets");
  // Two entries for one certificate contradict each other, and a SHA-1 collision looks just like this.
  if (other !== undefined) return refuse("client_ambiguous", identity, `${found.length} clients have it`);
  if (contested.has(match.entry.name))
    return refuse("client_ambiguous", identity, "its client's name stands in two lists of clients");
  return allow({ entry: match.entry, validUntil: match.until }, [
    { check: "client-map", outcome: "pass", detail: `client ${match.entry.name}, by ${match.by}` },
  ]);
}

/**
 * Compiles a list of clients that was checked.
 * @throws GatewayError `internal_error` on anything that the configuration check reports before, a thumbprint on two
 * clients included: a map that got here with it must not be served.
 */
export function compileClientIndex(
  clients: Iterable<ClientOptions>,
  options: ClientIndexOptions,
): ClientIndex {
  const builder = new ClientIndexBuilder(options);
  for (const client of clients) {
    const [owner] = builder.add(client);
    if (owner !== undefined)
      throw new GatewayError(
        "internal_error",
        `client map: client ${client.name}: a thumbprint stands on client ${owner} too`,
      );
  }
  return builder.build();
}

function refuse(
  code: "client_unknown" | "client_ambiguous",
  { sha256 }: CallerIdentity,
  why: string,
): Denied {
  const what = code === "client_unknown" ? "is unknown here" : "is not one client's alone";
  return deny(code, `The certificate with SHA-256 thumbprint ${sha256} ${what}: ${why}.`, [
    { check: "client-map", outcome: "fail", detail: why },
  ]);
}
