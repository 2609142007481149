import type { Server } from "node:https";
import { Server as NetServer } from "node:net";

/** For how long an idle connection may still bring a request after the listener is closed, at most. */
const longestIdleMs = 2000;
/** Under a flood the queue is never empty, and the drain must begin. */
const longestWaitMs = 1000;

/**
 * Closes the listening socket so that as few as possible notice, and resolves when the last connection has ended.
 *
 * The kernel resets connections that wait in the socket's queue when it is closed (unless `net.ipv4.tcp_migrate_req`
 * hands them to another process at the same port), so it is closed right after a look that found the queue empty. And a
 * connection that is kept alive may have a request on its way at this very moment: it is not closed at once but answers
 * `Connection: close` to its next request, and only what stays idle is closed then.
 * @param graceMs how long the whole drain may take
 */
export async function stopListening(server: Server, graceMs: number): Promise<void> {
  await queueToBeEmpty(server);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  // Not the server's own `close`, which closes idle connections, and ends the timeouts of slow ones too.
  NetServer.prototype.close.call(server, () => resolve());
  const idle = setTimeout(() => server.closeIdleConnections(), Math.min(longestIdleMs, graceMs / 4));
  await closed;
  clearTimeout(idle);
  // Ends the interval that watches over slow connections. That nothing listens any more is no news.
  server.close(() => {});
}

/** Each turn of the event loop accepts what waits; one that brought nothing found nothing waiting. */
async function queueToBeEmpty(server: Server): Promise<void> {
  let accepted = false;
  const note = () => {
    accepted = true;
  };
  server.on("connection", note);
  const until = performance.now() + longestWaitMs;
  // The first turn only brings us behind a look at the socket.
  await new Promise(setImmediate);
  do {
    accepted = false;
    await new Promise(setImmediate);
  } while (accepted && performance.now() < until);
  server.off("connection", note);
}
