import { describeFault, GatewayError } from "../../kernel/errors.ts";

/** What a fault comes to, as far as it can be told. */
export interface IdentityFault {
  /** The innermost HTTP status. */
  readonly status: number | undefined;
  /** The outermost text, without anything that looks like a token. */
  readonly text: string;
}

/** What the issuer answered last, or why there was no answer. */
export interface SeenAnswer {
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** Entra's number for a refusal (`AADSTS...`), or the network's code (`ECONNRESET`). */
  readonly word?: string;
}

/** One sentence that says what to do. */
export type Advise = (fault: IdentityFault) => string;

/** Text of a network that does not carry, in the words of the SDK, of MSAL and of Node. */
export const unreachable =
  /network_error|unreachable|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|socket hang up/i;

/**
 * The identity SDK's faults as one sentence that says what to do. Its own error objects stop here: they carry
 * requests and answers, and an answer may hold a token.
 */
export function explainIdentityFault(
  fault: unknown,
  identity: string,
  advise: Advise,
  answer: SeenAnswer = {},
): GatewayError {
  // A source of this project's own (a secret, a certificate) has said what to do already.
  const own = ownFault(fault);
  if (own !== undefined)
    return new GatewayError(
      "credential_unavailable",
      `${identity}: ${describeFault(own)}`,
      own.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: own.retryAfterSeconds },
    );
  const seen = read(fault);
  const failed = answer.status === undefined || answer.status >= 400;
  const status = seen.status ?? (failed ? answer.status : undefined);
  const text =
    failed && answer.word !== undefined && !seen.text.includes(answer.word)
      ? `${seen.text} (${answer.word})`
      : seen.text;
  return new GatewayError("credential_unavailable", `${identity}: ${advise({ status, text })}`, {
    cause: new Error(text),
    ...(failed && answer.retryAfterSeconds !== undefined
      ? { retryAfterSeconds: answer.retryAfterSeconds }
      : {}),
  });
}

function ownFault(fault: unknown): GatewayError | undefined {
  for (let at: unknown = fault, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1)
    if (at instanceof GatewayError) return at;
  return undefined;
}

function read(fault: unknown): IdentityFault {
  let status: number | undefined;
  for (let at: unknown = fault, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1)
    for (const key of ["status", "statusCode", "code"]) {
      const value: unknown = Reflect.get(at, key);
      if (typeof value === "number" && value >= 400 && value < 600) status = value;
    }
  const message = fault instanceof Error ? fault.message || fault.name : String(fault);
  status ??= Number(/status code: (\d{3})/i.exec(message)?.[1] ?? Number.NaN) || undefined;
  return { status, text: withoutTokens(message).slice(0, 1500) };
}

/**
 * The SDK quotes an answer that it cannot parse, and that may be a good one that broke: the quotation goes. Elsewhere
 * a JWT (it begins with `{"` in base64url) and any other long run of base64url are taken out.
 */
const withoutTokens = (text: string): string =>
  text
    .replace(/(?:Http status message:|parsing the response body|Unexpected token|is not valid JSON).*/s, "")
    .replace(/eyJ[\w-]{8,}(?:\.[\w-]*){0,4}|[\w-]{80,}/g, "[removed]");
