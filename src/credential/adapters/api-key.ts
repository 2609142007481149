import type { Clock } from "../../kernel/clock.ts";
import { describeFault, GatewayError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/logger.ts";
import { Refreshing } from "../../kernel/refreshing.ts";
import type { OutboundCredential } from "../outbound-credential.ts";
import { createRenewalGate, unlessAborted } from "../renewal-gate.ts";
import type { SecretSource } from "../secret-source.ts";

export interface ApiKeyOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly primary: SecretSource;
  /** Takes over while a backend refuses the primary key, or its source has none: keys are replaced one by one. */
  readonly secondary?: SecretSource;
  /** Milliseconds from one look at the sources to the next. */
  readonly refreshMs: number;
}

interface Key {
  readonly role: "primary" | "secondary";
  readonly kept: Refreshing<readonly string[]>;
  /** What a backend answered 401 to, and when in monotonic ms. */
  refused?: { readonly value: string | undefined; readonly at: number };
}

/** Milliseconds for which a refused key is not chosen again unless its source holds another value. */
const refusalCountsMs = 5 * 60_000;

/** What a header may carry. Anything else would split or break the request that it authenticates. */
const headerSafe = /^[\x21-\x7e]+$/;

/** An API key in the header `api-key`; one at a time, the other one when a backend refuses it. */
export function createApiKeyCredential(options: ApiKeyOptions): OutboundCredential {
  const { name, clock, logger, primary, secondary } = options;
  const gate = createRenewalGate(clock);
  const keys: readonly Key[] = [
    { role: "primary", kept: keep(options, "primary", primary) },
    ...(secondary === undefined
      ? []
      : [{ role: "secondary", kept: keep(options, "secondary", secondary) } as const]),
  ];
  let current = keys[0] as Key;

  const isRefused = ({ kept, refused }: Key): boolean =>
    refused !== undefined &&
    clock.monotonic() - refused.at < refusalCountsMs &&
    kept.usable()?.[1] === refused.value;

  /** Goes to the other key where it is the better one. */
  function choose(): void {
    const other = keys.find((key) => key !== current);
    if (other?.kept.usable() === undefined || isRefused(other)) return;
    const reason = isRefused(current)
      ? `a backend refuses the ${current.role} key`
      : current.kept.usable() === undefined
        ? `there is no ${current.role} key`
        : undefined;
    if (reason === undefined) return;
    logger.warn({ credential: name, reason, inUse: other.role }, `the ${other.role} key is used from now on`);
    current = other;
  }

  return {
    name,
    async headers(_request, signal) {
      try {
        const renewal = gate.underWay();
        if (renewal !== undefined) await unlessAborted(renewal, signal);
        choose();
        return await current.kept.get(signal);
      } catch (error) {
        if (signal?.aborted === true) throw error;
        choose();
        const usable = current.kept.usable();
        if (usable !== undefined) return usable;
        const waitMs = (current.kept.state().nextFetchAt ?? 0) - clock.now();
        throw new GatewayError("credential_unavailable", `credential ${name}: no key at hand`, {
          cause: error,
          retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
        });
      }
    },
    refused(headers) {
      if (headers[1] !== current.kept.usable()?.[1]) return true;
      const before = current;
      current.refused = { value: headers[1], at: clock.monotonic() };
      choose();
      if (current !== before) return true;
      // None is left. The sources may hold newer ones; to look costs little, but not with each request.
      if (gate.underWay() !== undefined) return true;
      if (!gate.tryPass()) return false;
      logger.error(
        { credential: name },
        secondary === undefined
          ? "a backend refuses the key; its source is looked at again"
          : "a backend refuses both keys; their sources are looked at again",
      );
      gate.renew(() => Promise.allSettled(keys.map(({ kept }) => kept.refresh())));
      return true;
    },
    state: () => ({ ...current.kept.state(), name: `credential ${name}` }),
    start() {
      // Failures are logged, shown in the state and retried; nobody waits here.
      for (const { kept } of keys) kept.refresh().catch(() => {});
    },
    stop() {
      for (const { kept } of keys) kept.stop();
    },
  };
}

function keep(
  { name, clock, logger, refreshMs }: ApiKeyOptions,
  role: Key["role"],
  source: SecretSource,
): Refreshing<readonly string[]> {
  return new Refreshing({
    name: `${role} key of credential ${name}`,
    clock,
    timeoutMs: 10_000,
    intervalMs: refreshMs,
    maxCooldownMs: 30_000,
    async fetch(signal) {
      const value = await source.read(signal);
      if (!headerSafe.test(value))
        throw new Error(`${source.name} holds no key: there are characters in it that no header carries`);
      return { value: Object.freeze(["api-key", value]) };
    },
    onError(error) {
      logger.warn({ credential: name, key: role, reason: describeFault(error) }, "a key could not be read");
    },
  });
}
