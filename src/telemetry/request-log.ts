import { isoTime } from "../kernel/iso-time.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Exchange } from "../model/exchange.ts";

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
    log[fault ? "warn" : "info"](requestFields(exchange), "request");
  };
}

/** The fields of the line. Never the query, a header, a body or a prompt: an `Exchange` holds none. */
function requestFields(exchange: Exchange): object {
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
    durationMs: Math.round(exchange.durationMs * 10) / 10,
  };
}
