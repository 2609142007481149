import type { Cancel, Clock } from "../kernel/clock.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { Upstream } from "./upstream.ts";

export interface ProberOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Asks the backend. Never throws. */
  readonly ask: () => Promise<AttemptOutcome>;
  /** Everything that leads to the backend: each learns from the answer. */
  readonly upstreams: readonly Upstream[];
}

/** Asks a backend of the gateway's own accord, so that one that is out is noticed before a request is. */
export function startProber({ clock, intervalMs, ask, upstreams }: ProberOptions): { stop(): void } {
  let stopped = false;
  let cancel: Cancel | undefined;
  const again = () => {
    if (!stopped) cancel = clock.after(intervalMs, () => void probe());
  };
  const probe = async () => {
    const outcome = await ask();
    // Any answer but a failure shows that it is there; limits and permissions are told by requests alone.
    const told: AttemptOutcome =
      outcome.kind === "answered"
        ? { ...outcome, status: outcome.status < 500 ? 200 : 500, headers: [] }
        : outcome;
    if (!stopped) for (const { breaker } of upstreams) breaker.learn(told);
    again();
  };
  again();
  return {
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
