import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import { keepCredential } from "./kept-credential.ts";
import type { OutboundCredential } from "./outbound-credential.ts";
import type { SecretSource } from "./secret-source.ts";

export interface AwsBearerOptions {
  /** The credential's name in the configuration. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly key: SecretSource;
  /** Milliseconds from one look at the key to the next. Default 60,000. */
  readonly intervalMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** Visible ASCII: what a header may carry. */
const headerSafe = /^[\x21-\x7e]+$/;

/** A Bedrock API key: a bearer token that is looked for again now and then, since whoever rotates it says so nowhere. */
export function createAwsBearer(options: AwsBearerOptions): OutboundCredential {
  const { name, clock, logger, key, intervalMs, random } = options;
  const kept = keepCredential<readonly string[]>({
    name,
    clock,
    logger,
    async fetch(signal) {
      const value = await key.read(signal);
      if (!headerSafe.test(value))
        throw new Error("the Bedrock API key is empty or holds what no header can carry");
      return { value: Object.freeze(["authorization", `Bearer ${value}`]) };
    },
    idOf: bearerIn,
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(random === undefined ? {} : { random }),
  });
  return {
    name,
    headers: (_request, signal) => kept.get(signal),
    refused: (headers) => kept.refused(bearerIn(headers)),
    state: () => kept.state(),
    start: () => kept.start(),
    stop: () => kept.stop(),
  };
}

/** @param headers flat pairs */
function bearerIn(headers: readonly string[]): string {
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === "authorization") return headers[at + 1] ?? "";
  return "";
}
