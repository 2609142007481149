import { describeFault, GatewayError } from "../../kernel/errors.ts";

/** What is wrong with an item that the vault gave. */
export const unusableVaultItem = (item: string, what: string): GatewayError =>
  new GatewayError("trust_unavailable", `${item} ${what}`);

/**
 * The SDK's faults as one sentence that says what to do. Its own error objects stop here: they carry the request,
 * and the request carries the vault's access token.
 */
export function explainVaultFault(fault: unknown, item: string): GatewayError {
  if (fault instanceof GatewayError) {
    if (fault.code === "trust_unavailable") return fault;
    // The vault's own identity failed: that sentence is the useful one.
    return new GatewayError("trust_unavailable", `${item} cannot be read: no token for the vault`, {
      cause: new Error(describeFault(fault)),
    });
  }
  const { status, code, innerCode, text, retryAfterSeconds } = read(fault);
  return new GatewayError("trust_unavailable", `${item} cannot be read: ${advice(status, code, innerCode)}`, {
    cause: new Error(text),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

function advice(status: number | undefined, code: string, innerCode: string): string {
  if (innerCode.endsWith("Disabled")) return "it is disabled; enable it, or name another";
  if (status === 401) return "the vault does not accept the identity's token; is it from the vault's tenant?";
  if (status === 403 && innerCode === "ForbiddenByFirewall")
    return "the vault's firewall refuses this host; let its network in, or use a private endpoint";
  if (status === 403)
    return 'the identity may not read it; give it the roles "Key Vault Secrets User" and "Key Vault Certificate User"';
  if (status === 404) return "there is no such item in the vault";
  if (status === 429) return "the vault throttles; it is asked again after a pause";
  if (status !== undefined && status >= 500)
    return `the vault fails with status ${status}; it is asked again after a pause`;
  if (status !== undefined && status >= 300) return `the vault answers with status ${status}`;
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO_VERIFY/.test(code))
    return "the vault's TLS certificate is not trusted; give its CA as caFile if it is a private one";
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return "the vault's host name cannot be resolved";
  if (/^E[A-Z]{3,}$|REQUEST_SEND_ERROR|SSL|TLS/.test(code)) return "the vault cannot be reached";
  if (code === "AbortError") return "its answer was not waited for any longer";
  return "the answer is not understood; is a Key Vault behind this URL?";
}

interface VaultFault {
  readonly status: number | undefined;
  /** Node's or OpenSSL's code, or the vault's. */
  readonly code: string;
  readonly innerCode: string;
  readonly text: string;
  readonly retryAfterSeconds?: number;
}

function read(fault: unknown): VaultFault {
  const status = field(fault, "statusCode");
  const error = field(field(fault, "details"), "error");
  const headers = field(field(fault, "response"), "headers");
  // The SDK quotes an answer that it cannot parse: one that was good until it broke holds the secret.
  const isAnswer = typeof status === "number" && status < 300;
  const get = field(headers, "get");
  const retryAfter = Number(
    typeof get === "function" ? Reflect.apply(get, headers, ["retry-after"]) : Number.NaN,
  );
  return {
    status: typeof status === "number" ? status : undefined,
    code: text(field(fault, "code")) || text(field(fault, "name")),
    // The vault writes `innererror`; its SDK spells it anew.
    innerCode: text(field(field(error, "innerError") ?? field(error, "innererror"), "code")),
    text: isAnswer
      ? "an answer that should hold it could not be read"
      : (text(field(error, "message")) || describeFault(fault)).slice(0, 500),
    ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
  };
}

const field = (holder: unknown, name: string): unknown =>
  typeof holder === "object" && holder !== null ? Reflect.get(holder, name) : undefined;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
