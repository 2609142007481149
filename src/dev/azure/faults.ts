import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { resetConnection } from "./reset.ts";

/** A way to go wrong. */
export type Fault =
  /** Answers so instead of serving. `body`: JSON, or text as it stands. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  /** Closes the connection with a TCP reset before any byte of an answer. */
  | { readonly kind: "reset" }
  /** Sends the head and the first bytes, then resets. Where a service has no stream, as `reset`. */
  | { readonly kind: "reset-midway" }
  /** Never answers. */
  | { readonly kind: "hang" }
  /** Serves properly, but so much later. */
  | { readonly kind: "delay"; readonly ms: number };

/** The faults that several services share, in Azure's words. */
export const faults = {
  throttled: (retryAfterSeconds: number): Fault => ({
    kind: "answer",
    status: 429,
    headers: { "retry-after": String(retryAfterSeconds) },
    body: {
      error: {
        code: "Throttled",
        message: "Request was not processed because too many requests were received.",
      },
    },
  }),
  serverError: (status = 500): Fault => ({
    kind: "answer",
    status,
    body: { error: { code: "InternalServerError", message: "The server had an error." } },
  }),
  forbiddenByRbac: (): Fault => ({
    kind: "answer",
    status: 403,
    body: {
      error: {
        code: "Forbidden",
        message: "Caller is not authorized to perform action on resource.",
        innererror: { code: "ForbiddenByRbac" },
      },
    },
  }),
} as const;

/** A service's fault switch: the next so many requests, or all until `clear`. */
export class FaultSwitch {
  #rules: { fault: Fault; left: number; applies: (url: string) => boolean }[] = [];

  /** `applies` looks at the raw request target; by default every request is hit. */
  always(fault: Fault, applies: (url: string) => boolean = () => true): void {
    this.#rules.push({ fault, left: Number.POSITIVE_INFINITY, applies });
  }

  next(fault: Fault, times = 1, applies: (url: string) => boolean = () => true): void {
    this.#rules.push({ fault, left: times, applies });
  }

  clear(): void {
    this.#rules = [];
  }

  /** The fault for a request, used up. The rule set first goes first. */
  take(url: string): Fault | undefined {
    const rule = this.#rules.find(({ applies }) => applies(url));
    if (rule === undefined) return undefined;
    rule.left -= 1;
    if (rule.left <= 0) this.#rules.splice(this.#rules.indexOf(rule), 1);
    return rule.fault;
  }
}

/** Plays a fault. `serve`: nothing was sent and the request is to be served, perhaps later than usual. */
export async function playFault(
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<"serve" | "done"> {
  switch (fault?.kind) {
    case "answer": {
      const text = typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body ?? {});
      response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers }).end(text);
      return "done";
    }
    case "reset":
    case "reset-midway":
      resetConnection(request);
      return "done";
    case "hang":
      return "done";
    case "delay":
      return (await elapsed(fault.ms, leftSignal(response))) ? "serve" : "done";
    case undefined:
      return "serve";
  }
}

/** Aborts when the answer's connection closes. */
export function leftSignal(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.once("close", () => left.abort());
  return left.signal;
}

/** Waits so long: true; or until the other side left: false. */
export async function elapsed(ms: number, left: AbortSignal): Promise<boolean> {
  try {
    return await sleep(ms, true, { signal: left });
  } catch (error) {
    if (left.aborted) return false;
    throw error;
  }
}
