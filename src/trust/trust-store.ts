import type { Cancel, Clock } from "../kernel/clock.ts";
import { Deadline, whenPassed } from "../kernel/deadline.ts";
import { describeFault } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";
import type { Certificate } from "../pki/certificate.ts";
import { type CrlReader, readCrlsHere } from "./crl-reader.ts";
import { keepCertificates, keepCrls } from "./kept-sources.ts";
import type { CertificateSource, CrlSource } from "./ports.ts";
import { ChangeNotice } from "./change-notice.ts";
import { LearntCrls } from "./learnt-crls.ts";
import { verifyAhead } from "./crl-intake.ts";
import { assembleSnapshot, emptySnapshot, type TrustSnapshot } from "./snapshot.ts";

export interface TrustStoreOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly anchors: readonly CertificateSource[];
  readonly intermediates?: readonly CertificateSource[];
  readonly crls?: readonly CrlSource[];
  /** Milliseconds from one look at a certificate source to the next. */
  readonly refreshMs: number;
  /** Milliseconds for which certificates may be used while their source does not answer. */
  readonly maxStaleMs: number;
  /** Milliseconds from one look at a CRL source to the next; sooner where a CRL's nextUpdate is near. */
  readonly crlRefreshMs: number;
  /** Default: in this thread. */
  readonly crlReader?: CrlReader;
  /** Where a CRL is fetched from that a certificate points to. Absent: such pointers are not followed. */
  readonly distributionPoint?: (url: string) => CrlSource;
  /** Milliseconds for one fetch from any source. Default 30,000. */
  readonly fetchTimeoutMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** Everything that a trust decision takes from outside, fetched, kept and refreshed. */
export interface TrustStore {
  /** Resolves when each source was tried once. A source that fails never prevents it: `states` says so. */
  start(): Promise<void>;
  /** What holds now. Never waits; a source that is over its staleness bound is not in it any more. */
  current(): TrustSnapshot;
  /** Calls the listener with each snapshot that differs from the one before. @returns the way to end that */
  onChange(listener: (snapshot: TrustSnapshot) => void): () => void;
  /** Looks at every source now. */
  refresh(): Promise<void>;
  /**
   * Fetches CRLs from the distribution points of a certificate whose path is valid otherwise, where they are followed.
   * Never throws, and waits a few seconds at most. @returns whether something new came
   */
  fetchCrls(urls: readonly string[]): Promise<boolean>;
  /** One entry a configured source, certificates before CRLs. */
  states(): readonly RefreshingState[];
  certificateStates(): readonly RefreshingState[];
  crlStates(): readonly RefreshingState[];
  stop(): void;
}

export function createTrustStore(options: TrustStoreOptions): TrustStore {
  const { clock, logger } = options;
  const changes = new ChangeNotice<TrustSnapshot>(logger, "trust");
  const { crlReader = readCrlsHere } = options;
  const sources = { ...options, crlReader, onChange: () => update() };
  const anchors = options.anchors.map((source) => keepCertificates(source, "trust anchor", sources));
  const intermediates = (options.intermediates ?? []).map((source) =>
    keepCertificates(source, "intermediate", sources),
  );
  const issuers = (): readonly Certificate[] =>
    [...anchors, ...intermediates].flatMap((kept) => kept.usable() ?? []);
  const crls = (options.crls ?? []).map((source) => keepCrls(source, issuers, sources));
  const all = [...anchors, ...intermediates, ...crls];
  const { distributionPoint } = options;
  const learnt =
    distributionPoint &&
    new LearntCrls({
      clock,
      logger,
      sourceAt: distributionPoint,
      keep: (source) => keepCrls(source, issuers, sources),
    });
  let snapshot = emptySnapshot;
  // When the first of the values in use must not be used any more.
  let end: Deadline | undefined;
  let cancelEnd: Cancel | undefined;
  let stopped = false;
  // Each source comes in its own time: until all were asked, a missing anchor is no news.
  let isStarted = false;

  function update(): void {
    const next = assembleSnapshot(
      snapshot,
      anchors.flatMap((kept) => kept.usable() ?? []),
      intermediates.flatMap((kept) => kept.usable() ?? []),
      [...crls.flatMap((kept) => kept.usable() ?? []), ...(learnt?.usable() ?? [])],
    );
    watchEnd();
    if (next === snapshot) return;
    snapshot = next;
    logger.info(
      {
        version: next.version,
        anchors: next.anchors.length,
        intermediates: next.intermediates.length,
        crls: next.heldCrls.length,
      },
      "trust changed",
    );
    if (isStarted) tellOfNoAnchor();
    changes.tell(next);
    void verifyAhead(next.crls.crls, { issuers: issuers(), reader: crlReader }).catch((fault: unknown) =>
      // The decision verifies by itself, only later.
      logger.warn({ reason: describeFault(fault) }, "CRL signatures could not be checked ahead"),
    );
  }

  function tellOfNoAnchor(): void {
    if (snapshot.anchors.length === 0)
      logger.error({ version: snapshot.version }, "there is no usable trust anchor, nobody is let in");
  }

  /** Values end by time alone, too: then the snapshot changes although nothing was fetched. */
  function watchEnd(): void {
    cancelEnd?.();
    const endsAt = Math.min(
      ...all
        .filter((kept) => kept.usable() !== undefined)
        .map((kept) => kept.state().expiresAt ?? Number.POSITIVE_INFINITY),
      Number.POSITIVE_INFINITY,
    );
    end = Number.isFinite(endsAt) ? new Deadline(clock, endsAt) : undefined;
    if (end !== undefined && !stopped) cancelEnd = whenPassed(clock, end, update);
  }

  const refresh = async () => {
    // Each failure is logged, shown in its state and retried by its own keeper.
    await Promise.allSettled([...all.map((kept) => kept.refresh()), learnt?.refresh()]);
  };

  return {
    async start() {
      await refresh();
      isStarted = true;
      tellOfNoAnchor();
    },
    refresh,
    fetchCrls: async (urls) => learnt?.fetch(urls) ?? false,
    current() {
      // Timers do not fire while a machine sleeps.
      if (end?.passed === true) update();
      return snapshot;
    },
    onChange: (listener) => changes.listen(listener),
    states: () => all.map((kept) => kept.state()),
    certificateStates: () => [...anchors, ...intermediates].map((kept) => kept.state()),
    crlStates: () => crls.map((kept) => kept.state()),
    stop() {
      stopped = true;
      cancelEnd?.();
      for (const kept of all) kept.stop();
      learnt?.stop();
      crlReader.stop();
    },
  };
}
