import type { Clock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { Refreshing, type RefreshingOptions } from "../kernel/refreshing.ts";
import type { Certificate } from "../pki/certificate.ts";
import { readCertificates } from "./certificate-intake.ts";
import { nextLook, readCrls } from "./crl-intake.ts";
import type { CrlReader } from "./crl-reader.ts";
import type { KeptCrl } from "./held-crl.ts";
import type { CertificateSource, CrlSource } from "./ports.ts";

/** What the keepers of all sources of a store share. */
export interface KeepingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refreshMs: number;
  readonly maxStaleMs: number;
  readonly crlRefreshMs: number;
  readonly crlReader: CrlReader;
  readonly fetchTimeoutMs?: number;
  readonly random?: () => number;
  /** Called after each fetch that worked, whether or not it brought anything new. */
  readonly onChange: () => void;
}

export function keepCertificates(
  source: CertificateSource,
  role: "trust anchor" | "intermediate",
  options: KeepingOptions,
): Refreshing<readonly Certificate[]> {
  let held: readonly Certificate[] = [];
  return keep(`${role}: ${source.name}`, options, {
    intervalMs: options.refreshMs,
    maxStaleMs: options.maxStaleMs,
    async fetch(signal) {
      held = readCertificates(await source.fetch(signal), held, source.name, options.logger);
      return { value: held };
    },
  });
}

/**
 * No staleness bound here: a CRL says itself until when it holds, and the decision reads that. Dropping an old one
 * would only turn "out of date" into "missing".
 */
export function keepCrls(
  source: CrlSource,
  issuers: () => readonly Certificate[],
  options: KeepingOptions,
): Refreshing<readonly KeptCrl[]> {
  let held: readonly KeptCrl[] = [];
  return keep(`crl: ${source.name}`, options, {
    intervalMs: options.crlRefreshMs,
    async fetch(signal) {
      const { clock, logger, crlReader, crlRefreshMs } = options;
      const ders = await source.fetch(signal);
      const intake = { source: source.name, now: clock.now(), issuers: issuers(), logger, reader: crlReader };
      held = await readCrls(ders, held, intake);
      return { value: held, refreshAt: nextLook(held, clock.now(), crlRefreshMs) };
    },
  });
}

function keep<T>(
  name: string,
  { clock, logger, fetchTimeoutMs = 30_000, random, onChange }: KeepingOptions,
  own: Pick<RefreshingOptions<T>, "fetch" | "intervalMs" | "maxStaleMs">,
): Refreshing<T> {
  let failing = false;
  const kept = new Refreshing<T>({
    ...own,
    name,
    clock,
    timeoutMs: fetchTimeoutMs,
    // An outage of a minute must not cost the whole interval.
    maxCooldownMs: Math.min(own.intervalMs, 60_000),
    ...(random === undefined ? {} : { random }),
    onValue() {
      if (failing) logger.info({ source: name }, "the source answers again");
      failing = false;
      onChange();
    },
    onError(error) {
      failing = true;
      const usable = kept.usable() !== undefined;
      logger[usable ? "warn" : "error"](
        { source: name, reason: describeFault(error) },
        usable
          ? "the source fails; what it gave last is still used"
          : "the source fails; nothing of it is in use",
      );
    },
  });
  return kept;
}
