import type { IncomingMessage } from "node:http";

/** How long a client that was answered early may go on sending, so that it gets to read the answer instead of a reset. */
const lingerMs = 1000;
/** And how much. */
const lingerBytes = 1024 * 1024;

/**
 * Throws away what is left of a body that was answered before its end. A rest that is short or soon over keeps the
 * connection alive; with any other it is cut, because where the next request begins could not be told.
 */
export function discardRest(request: IncomingMessage): void {
  let dropped = 0;
  const done = () => clearTimeout(timer);
  const cut = () => {
    done();
    request.socket.destroy();
  };
  const timer = setTimeout(cut, lingerMs);
  request.removeAllListeners("data");
  request.on("data", (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > lingerBytes) cut();
  });
  request.once("end", done);
  request.once("close", done);
  request.once("error", done);
  request.resume();
}
