import type { Clock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { Refreshing, type RefreshingState } from "../kernel/refreshing.ts";
import { ChangeNotice } from "./change-notice.ts";
import type { ServerCertificate, ServerCertificateSource } from "./ports.ts";
import { checkServerCertificate } from "./server-certificate.ts";

export interface ServerCertificateKeeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly source: ServerCertificateSource;
  /** Milliseconds from one look at the source to the next. */
  readonly refreshMs: number;
  /** Milliseconds for one fetch. Default 30,000. */
  readonly fetchTimeoutMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** The gateway's own TLS certificate: the last good one, whatever its source does. */
export interface ServerCertificateKeeper {
  /** Resolves when the source was tried once; a failure is logged and retried. */
  start(): Promise<void>;
  /** The last one that passed every check; absent until there was one. Past its end it is still given: callers then
   * see an expired certificate, which says more than a closed port. The state says `expired`. */
  current(): ServerCertificate | undefined;
  /** Calls the listener with each certificate that differs from the one before. @returns the way to end that */
  onChange(listener: (certificate: ServerCertificate) => void): () => void;
  refresh(): Promise<void>;
  state(): RefreshingState;
  stop(): void;
}

export function createServerCertificateKeeper(
  options: ServerCertificateKeeperOptions,
): ServerCertificateKeeper {
  const { clock, logger, source, refreshMs, fetchTimeoutMs = 30_000, random } = options;
  const changes = new ChangeNotice<ServerCertificate>(logger, "server certificate");
  let current: ServerCertificate | undefined;

  const kept = new Refreshing<ServerCertificate>({
    name: `server certificate: ${source.name}`,
    clock,
    intervalMs: refreshMs,
    maxCooldownMs: Math.min(refreshMs, 60_000),
    timeoutMs: fetchTimeoutMs,
    ...(random === undefined ? {} : { random }),
    async fetch(signal) {
      const value = await source.fetch(signal);
      checkServerCertificate(value, clock.now());
      return { value, expiresAt: value.notAfter };
    },
    onValue(value) {
      const same =
        current?.certificateChainPem === value.certificateChainPem &&
        current.privateKeyPem === value.privateKeyPem;
      if (same) return;
      current = value;
      logger.info(
        { source: source.name, notAfter: new Date(value.notAfter).toISOString() },
        "the server certificate changed",
      );
      changes.tell(value);
    },
    onError(error) {
      logger[current === undefined ? "error" : "warn"](
        { source: source.name, reason: describeFault(error) },
        current === undefined
          ? "there is no server certificate"
          : "the server certificate could not be refreshed; the one in use stays",
      );
    },
  });

  const refresh = async () => {
    // The failure is logged, shown in the state and retried.
    await kept.refresh().catch(() => {});
  };
  return {
    start: refresh,
    refresh,
    current: () => current,
    onChange: (listener) => changes.listen(listener),
    state: () => kept.state(),
    stop: () => kept.stop(),
  };
}
