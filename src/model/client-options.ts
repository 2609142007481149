import type { OperationGroup } from "./operation-group.ts";
import type { TimeWindowOptions } from "./time-window.ts";

/** A thumbprint that stops counting at an instant: the old certificate of a client that was given a new one. */
export interface EndingThumbprint {
  /** In any spelling that `readThumbprint` takes. */
  readonly thumbprint: string;
  /** ISO 8601 with its offset, e.g. `2026-03-01T00:00:00Z`; from then on it does not match. */
  readonly until: string;
}

/** A bundle of rights, as an operator writes it: for one client, or as a role. An empty or missing list grants nothing. */
export interface GrantOptions {
  /** Exact names, or `*` alone for every deployment of the configuration. */
  readonly deployments?: readonly string[] | undefined;
  /** Names of pass-through routes. */
  readonly routes?: readonly string[] | undefined;
  /** Default: inference only. */
  readonly operations?: readonly OperationGroup[] | undefined;
  /** Absent: any. `v1` stands for a v1 request that names none. */
  readonly apiVersions?: readonly string[] | undefined;
  /** Absent: any. CIDR ranges. */
  readonly sourceNetworks?: readonly string[] | undefined;
  /** Absent: always. */
  readonly hours?: readonly TimeWindowOptions[] | undefined;
}

/** A rule about a certificate: every part of it must hold. Values as in `pki/selector`. */
export interface MatchOptions {
  readonly sanUri?: string | undefined;
  readonly sanDns?: string | undefined;
  readonly sanEmail?: string | undefined;
  readonly sanIp?: string | undefined;
  readonly subject?: Readonly<Record<string, string | undefined>> | undefined;
  readonly issuer?:
    | { readonly subject?: string | undefined; readonly spkiSha256?: string | undefined }
    | undefined;
  readonly spkiSha256?: string | undefined;
}

/** What an operator wrote about one client. */
export interface ClientOptions extends GrantOptions {
  readonly name: string;
  readonly thumbprints?: readonly (string | EndingThumbprint)[] | undefined;
  /** Any one of the rules identifies the client. */
  readonly match?: readonly MatchOptions[] | undefined;
  readonly roles?: readonly string[] | undefined;
}
