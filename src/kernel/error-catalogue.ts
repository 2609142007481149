/**
 * Every reason for which Certgate itself answers with an error: one entry a code. `docs/errors.md` is tested
 * against this table in both directions.
 */
export interface CatalogueEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  /** The `type` field that OpenAI clients print. */
  readonly type:
    | "authentication_error"
    | "permission_error"
    | "invalid_request_error"
    | "rate_limit_error"
    | "server_error";
  /** The public sentence. A detail about the caller's own input may follow it; nothing about others ever does. */
  readonly message: string;
  /** Seconds for `Retry-After` when the fault itself carries no better number. */
  readonly retryAfterSeconds?: number;
}

const authentication = (message: string): CatalogueEntry => ({
  status: 401,
  type: "authentication_error",
  message,
});
const permission = (message: string): CatalogueEntry => ({ status: 403, type: "permission_error", message });
const invalid = (status: number, message: string): CatalogueEntry => ({
  status,
  type: "invalid_request_error",
  message,
});
const unavailable = (message: string, retryAfterSeconds: number): CatalogueEntry => ({
  status: 503,
  type: "server_error",
  message,
  retryAfterSeconds,
});

export const catalogue = {
  client_certificate_missing: authentication("A client certificate is required; none was presented."),
  client_certificate_expired: authentication("The client certificate, or a CA above it, has expired."),
  client_certificate_not_yet_valid: authentication(
    "The client certificate, or a CA above it, is not valid yet.",
  ),
  client_certificate_untrusted: authentication(
    "The client certificate does not chain to a trust anchor of this gateway.",
  ),
  client_certificate_revoked: authentication("The client certificate, or a CA above it, has been revoked."),
  client_certificate_wrong_usage: authentication(
    "The client certificate, or a CA above it, may not be used for client authentication.",
  ),
  client_certificate_invalid: authentication(
    "The client certificate, or a CA above it, is malformed or breaks a rule.",
  ),
  client_unknown: permission("The certificate is valid, but no client entry matches it."),
  client_ambiguous: permission("The certificate is valid, but more than one client entry matches it."),
  deployment_not_permitted: permission("This client may not use the deployment that the request names."),
  operation_not_permitted: permission("This client may not use this operation."),
  request_malformed: invalid(400, "The request is malformed or ambiguous."),
  operation_unknown: invalid(404, "The gateway does not know this operation."),
  object_not_found: invalid(404, "There is no such object."),
  body_too_large: invalid(413, "The request body is larger than the gateway accepts."),
  revocation_unavailable: unavailable(
    "Revocation information for the client certificate is missing or out of date.",
    30,
  ),
  trust_unavailable: unavailable("The gateway has no usable trust anchors at the moment.", 30),
  credential_unavailable: unavailable("The gateway cannot obtain its own credential at the moment.", 10),
  ownership_unavailable: unavailable(
    "The gateway cannot tell at the moment whose stored objects these are.",
    5,
  ),
  no_healthy_backend: unavailable("No backend of this deployment can take the request at the moment.", 5),
  backends_throttled: {
    status: 429,
    type: "rate_limit_error",
    message: "All backends of this deployment have reached their limits.",
    retryAfterSeconds: 1,
  },
  overloaded: unavailable("The gateway has more to do than it can at the moment.", 2),
  connections_exceeded: {
    status: 429,
    type: "rate_limit_error",
    message: "This client certificate has too many connections open.",
    retryAfterSeconds: 5,
  },
  bodies_exceeded: {
    status: 429,
    type: "rate_limit_error",
    message: "This client sends too much at the same time.",
    retryAfterSeconds: 2,
  },
  shutting_down: unavailable("The gateway is shutting down.", 1),
  ownership_conflict: {
    status: 502,
    type: "server_error",
    message: "The backend answered with an object that belongs to another client; the answer is withheld.",
  },
  backend_unreachable: {
    status: 502,
    type: "server_error",
    message: "The backend could not be reached or broke off.",
  },
  backend_timeout: { status: 504, type: "server_error", message: "The backend did not answer in time." },
  internal_error: {
    status: 500,
    type: "server_error",
    message: "The gateway failed; nothing was forwarded.",
  },
} as const satisfies Record<string, CatalogueEntry>;

/** A reason code, as it stands in answers, logs, metrics and audit records. */
export type ErrorCode = keyof typeof catalogue;

/** The catalogue's entry for a code. */
export const describeError = (code: ErrorCode): CatalogueEntry => catalogue[code];
