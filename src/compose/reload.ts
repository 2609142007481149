import type { ConfigOutcome } from "../config/load.ts";
import { formatProblems } from "../config/problem.ts";
import { describeFault } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import type { LiveExchanges } from "../listener/live-exchanges.ts";
import type { Metrics } from "../model/metrics.ts";
import type { ProcessLog } from "../telemetry/logger.ts";
import type { LiveConfiguration } from "./live-configuration.ts";

/** Where a configuration is read again from, and what tells that it should be. */
export interface ReloadSource {
  readonly load: () => Promise<ConfigOutcome>;
  /** A change of one of these is followed without being asked. */
  readonly files: () => readonly string[];
  /** Milliseconds from one look at them to the next. */
  readonly pollMs: number;
}

/** `unchanged`: it says what is in force already; the sources that it names were looked at all the same. */
export type ReloadOutcome =
  | { readonly outcome: "applied" | "unchanged"; readonly version: string }
  | { readonly outcome: "refused"; readonly version: string; readonly reason: string };

interface ReloadNeeds {
  readonly log: ProcessLog;
  readonly metrics: Metrics;
  readonly live: LiveExchanges;
  /** Called when another configuration is in force. */
  readonly afterwards: () => void;
}

/**
 * One reload at a time: whoever asks during one gets the outcome of the next, which reads what was written meanwhile.
 */
export function createReloader(
  load: ReloadSource["load"] | undefined,
  configuration: LiveConfiguration,
  needs: ReloadNeeds,
): () => Promise<ReloadOutcome> {
  let running: Promise<ReloadOutcome> | undefined;
  let next: Promise<ReloadOutcome> | undefined;
  const run = (): Promise<ReloadOutcome> => {
    running = reloadOnce(load, configuration, needs).finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return run();
    next ??= running.then(() => {
      next = undefined;
      return run();
    });
    return next;
  };
}

async function reloadOnce(
  load: ReloadSource["load"] | undefined,
  configuration: LiveConfiguration,
  { log, metrics, live, afterwards }: ReloadNeeds,
): Promise<ReloadOutcome> {
  try {
    const outcome = await load?.();
    if (outcome === undefined) return refuse("there is no file to read it from");
    if (!outcome.ok) return refuse(formatProblems(outcome.problems));
    const isNew = await configuration.replace(outcome.config);
    const { version } = configuration.current;
    if (isNew) {
      log.setLevel(outcome.config.log.level);
      afterwards();
    }
    // Whoever is not allowed any more is cut before this is told.
    await live.judge();
    metrics.reload(isNew ? "applied" : "unchanged");
    log.info({ version }, isNew ? "another configuration is in force" : "the configuration is unchanged");
    return { outcome: isNew ? "applied" : "unchanged", version };
  } catch (fault) {
    return refuse(describeFault(fault));
  }

  function refuse(why: string): ReloadOutcome {
    // It goes to the admin port as it stands.
    const reason = redactText(why);
    const { version } = configuration.current;
    configuration.noteRefusal(reason);
    metrics.reload("refused");
    log.error({ version, reason }, "the new configuration is refused; the one before serves on");
    return { outcome: "refused", version, reason };
  }
}
