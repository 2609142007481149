import type { IncomingMessage } from "node:http";

/** What a body must bring in each span of time: far less than any line carries, far more than a trickle. */
const leastBytes = 1024;

/**
 * Watches over a body that is piped on without being looked at. A client that is made to wait, because the backend does
 * not take more, is not the one that stalls.
 * @param stallMs a span without `leastBytes` counts as a stall
 * @param stalled called once at most, and not after the returned function
 * @returns ends the watch
 */
export function watchBody(request: IncomingMessage, stallMs: number, stalled: () => void): () => void {
  const { headers, socket } = request;
  if (headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0)
    return () => {};
  let seen = socket.bytesRead;
  let wasHeldUp = false;
  const heldUp = () => {
    wasHeldUp = true;
  };
  request.on("pause", heldUp);
  const end = () => {
    clearInterval(timer);
    request.off("pause", heldUp);
  };
  const timer = setInterval(() => {
    if (request.complete) return end();
    const brought = socket.bytesRead - seen;
    const excused = wasHeldUp || request.isPaused();
    seen = socket.bytesRead;
    wasHeldUp = false;
    if (brought >= leastBytes || excused) return;
    end();
    stalled();
  }, stallMs);
  return end;
}
