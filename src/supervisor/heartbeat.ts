import type { Cancel, Clock } from "../kernel/clock.ts";
import type { Calls } from "./calls.ts";

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** The other side answers the call `ping` as soon as its event loop comes round. */
  readonly calls: Pick<Calls, "call">;
  /** Called once, when it has not answered for `silenceMs`. */
  readonly onSilent: () => void;
}

const everyMs = 2000;
const mostMissed = 5;

/** How long a process may say nothing. */
export const silenceMs = everyMs * mostMissed;

/**
 * Watches over a process that may hang without dying: the kernel would go on giving it connections. Looks are counted, not
 * time, so that a machine that slept, or a supervisor that was held up, does not blame the other side for it.
 */
export function watchHeartbeat({ clock, calls, onSilent }: HeartbeatOptions): Cancel {
  let missed = 0;
  let isAsked = false;
  let cancel: Cancel = () => {};
  const look = () => {
    if (isAsked) missed += 1;
    else void ask();
    if (missed >= mostMissed) onSilent();
    else cancel = clock.after(everyMs, look);
  };
  const ask = async () => {
    isAsked = true;
    missed = 0;
    // A closed channel is a process that ends, and that is told elsewhere.
    await calls.call("ping", undefined).catch(() => {});
    isAsked = false;
  };
  cancel = clock.after(everyMs, look);
  return () => cancel();
}
