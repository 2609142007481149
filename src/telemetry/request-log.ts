import { isoTime } from "../kernel/iso-time.ts";
import type { Logger } from "../kernel/logger.ts";
import { QuickFields } from "../kernel/redact.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Usage } from "../model/usage.ts";
import { isKnownPlain, isPlain } from "./plain-text.ts";

/** Longer texts from outside are cut in the log, so that no caller can fill the disk with a path. */
const longestText = 1024;

const cut = (text: string | undefined): string | undefined =>
  text !== undefined && text.length > longestText ? `${text.slice(0, longestText)}...` : text;

/**
 * Makes the one line that each request leaves. A fault of the gateway or its surroundings (5xx that the gateway
 * itself answered) is a warning; everything else, a denial too, is information: callers decide how many denials
 * there are, and nobody outside should be able to page an operator.
 */
export function createRequestLog(log: Logger): (exchange: Exchange) => void {
  return (exchange) => {
    const fault = exchange.answeredBy === "gateway" && exchange.status >= 500;
    log[fault ? "warn" : "info"](new RequestFields(exchange), "request");
  };
}

/** The fields of the line. Never the query, a header, a body or a prompt: an `Exchange` holds none. */
class RequestFields extends QuickFields {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    super();
    this.#exchange = exchange;
  }

  fields(): object {
    const exchange = this.#exchange;
    return {
      requestId: exchange.requestId,
      client: exchange.client,
      thumbprint: exchange.thumbprint,
      remoteAddress: exchange.remoteAddress,
      method: exchange.method,
      path: cut(exchange.path),
      operation: exchange.operation,
      deployment: cut(exchange.deployment),
      backend: exchange.backend,
      attempts: exchange.attempts,
      inputTokens: exchange.usage?.inputTokens,
      outputTokens: exchange.usage?.outputTokens,
      cachedInputTokens: exchange.usage?.cachedInputTokens,
      decision: exchange.decision,
      reason: exchange.reason,
      detail: cut(exchange.detail),
      status: exchange.status,
      answeredBy: exchange.answeredBy,
      startedAt: isoTime(exchange.startedAt),
      durationMs: rounded(exchange.durationMs),
    };
  }

  /** Of a request about which nothing is to be said: a reason comes with a sentence. */
  plainJson(): string | undefined {
    const { requestId, method, usage, decision, reason, detail, status, answeredBy } = this.#exchange;
    const { client, thumbprint, remoteAddress, path, operation, deployment, backend } = this.#exchange;
    const isPlainAll =
      reason === undefined &&
      detail === undefined &&
      isPlain(requestId) &&
      isKnownPlain(method) &&
      (client === undefined || isKnownPlain(client)) &&
      (thumbprint === undefined || isKnownPlain(thumbprint)) &&
      (remoteAddress === undefined || isKnownPlain(remoteAddress)) &&
      (operation === undefined || isKnownPlain(operation)) &&
      (backend === undefined || isKnownPlain(backend)) &&
      (path === undefined || (path.length <= longestText && isPlain(path))) &&
      (deployment === undefined || (deployment.length <= longestText && isPlain(deployment)));
    if (!isPlainAll) return undefined;
    return (
      text('"requestId":"', requestId) +
      text(',"client":"', client) +
      text(',"thumbprint":"', thumbprint) +
      text(',"remoteAddress":"', remoteAddress) +
      text(',"method":"', method) +
      text(',"path":"', path) +
      text(',"operation":"', operation) +
      text(',"deployment":"', deployment) +
      text(',"backend":"', backend) +
      number(',"attempts":', this.#exchange.attempts) +
      (usage === undefined ? "" : tokens(usage)) +
      text(',"decision":"', decision) +
      number(',"status":', status) +
      text(',"answeredBy":"', answeredBy) +
      text(',"startedAt":"', isoTime(this.#exchange.startedAt)) +
      number(',"durationMs":', rounded(this.#exchange.durationMs))
    );
  }
}

/** A member of the line's JSON, from its name to its end. Empty where there is no value. */
const text = (opening: string, value: string | undefined): string =>
  value === undefined ? "" : opening + value + '"';

const number = (opening: string, value: number | undefined): string => {
  if (value === undefined) return "";
  return opening + (Number.isFinite(value) ? String(value) : "null");
};

const tokens = ({ inputTokens, outputTokens, cachedInputTokens }: Usage): string =>
  number(',"inputTokens":', inputTokens) +
  number(',"outputTokens":', outputTokens) +
  number(',"cachedInputTokens":', cachedInputTokens);

const rounded = (ms: number): number => Math.round(ms * 10) / 10;
