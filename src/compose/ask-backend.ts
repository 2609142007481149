import type { AttemptOutcome } from "../backend/attempt-outcome.ts";
import { BackendFault } from "../forward/backend-fault.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import type { Clock } from "../kernel/clock.ts";

/** One GET without a credential, for which only its head counts. Never throws. */
export function askBackend(
  forwarder: Forwarder,
  path: string,
  timeoutMs: number,
  clock: Clock,
): Promise<AttemptOutcome> {
  const { promise, resolve } = Promise.withResolvers<AttemptOutcome>();
  const settle = (outcome: AttemptOutcome) => {
    stop();
    resolve(outcome);
  };
  const stop = clock.after(timeoutMs, () => {
    forwarding.cancel();
    settle({ kind: "timeout" });
  });
  const forwarding = forwarder.forward(
    { method: "GET", path, headers: [], body: null },
    {
      head: (status, headers) => settle({ kind: "answered", status, headers }),
      // Its timeout has ended with the head; a body without end must not hold the connection for ever.
      data: () => {
        forwarding.cancel();
        return false;
      },
      end() {},
      error: (fault) => settle({ kind: fault instanceof BackendFault && !fault.sent ? "unsent" : "broken" }),
    },
  );
  return promise;
}
