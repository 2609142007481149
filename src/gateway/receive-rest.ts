import type { IncomingMessage } from "node:http";

/** How long a client that was answered early may go on sending, so that it gets to read the answer instead of a reset. */
const lingerMs = 1000;
/** And how much of it is taken. */
const lingerBytes = 1024 * 1024;

/**
 * Throws away what is left of a body that was answered before its end. A client that sends more than is taken is made to
 * wait, not cut: a reset now could destroy the answer that is on its way to it.
 * @param over called once: with true when the rest came to its end, with false when that took too long or the client left
 */
export function discardRest(request: IncomingMessage, over: (whole: boolean) => void): void {
  let left = lingerBytes;
  let isOver = false;
  const finish = (whole: boolean) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    over(whole);
  };
  const timer = setTimeout(finish, lingerMs, false);
  request.removeAllListeners("data");
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.pause();
  });
  request.once("end", () => finish(true));
  request.once("close", () => finish(false));
  request.once("error", () => finish(false));
  request.resume();
}
