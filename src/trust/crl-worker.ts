import { getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { describeFault } from "../kernel/errors.ts";
import type { CrlReply, CrlRequest } from "./crl-thread.ts";
import { crlWork } from "./crl-work.ts";

/**
 * On a core that both need, requests come first, with three quarters of it: a CRL must not wait for ever on a busy
 * gateway. Linux knows a priority of each thread; elsewhere this would slow down the whole process.
 */
function giveWay(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(Math.min(getPriority() + 5, 19));
  } catch {
    // A sandbox may forbid it. Then both get half of the core, and everything is read all the same.
  }
}
giveWay();

/** The worker thread of `CrlThread`: answers one request after the other, keeps nothing. */
parentPort?.on("message", (request: CrlRequest) => {
  const { reply, transfer } = answer(request);
  parentPort?.postMessage(reply, transfer);
});

function answer({ id, work, input }: CrlRequest): { reply: CrlReply; transfer: ArrayBuffer[] } {
  try {
    const run = crlWork[work] as (...input: CrlRequest["input"]) => unknown;
    const value = run(...input);
    const index = work === "index" ? (value as ReturnType<typeof crlWork.index>) : undefined;
    return {
      reply: { id, value },
      transfer: index === undefined ? [] : [index.slots.buffer, index.issuers.buffer],
    };
  } catch (fault) {
    return { reply: { id, fault: describeFault(fault) }, transfer: [] };
  }
}
