import type { ServerResponse } from "node:http";

import { elapsed, leftSignal } from "../faults.ts";

/** How a stream is sent, where a test wants something other than all at once. */
export interface StreamPace {
  /** Adds filler chunks until the stream has at least so many bytes. */
  readonly bytes?: number;
  /** Bytes of one filler chunk; default 16384. */
  readonly chunkBytes?: number;
  /** Milliseconds between two events; default none. */
  readonly intervalMs?: number;
  /** Called when the connection took an event, with the bytes sent so far. The next event waits for what it returns. */
  readonly afterEvent?: (sentBytes: number) => Promise<void> | void;
}

/** An event as it stands on the wire. `name`: the `event:` line. */
export interface StreamEvent {
  readonly name?: string;
  readonly data: string;
}

/**
 * Sends server-sent events one by one, each when the connection took the one before: it holds one event at most.
 * Ends early when the other side leaves.
 */
export async function sendEvents(
  response: ServerResponse,
  events: Iterable<StreamEvent>,
  pace: StreamPace,
  onSent: (bytes: number) => void,
): Promise<void> {
  const left = leftSignal(response);
  // Whatever is awaited below must end when the other side leaves: its callback may never come.
  const gone = new Promise<void>((resolve) => left.addEventListener("abort", () => resolve()));
  let sent = 0;
  for (const { name, data } of events) {
    if (left.aborted) return;
    const text = `${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`;
    await Promise.race([gone, new Promise<void>((taken) => response.write(text, () => taken()))]);
    if (left.aborted) return;
    sent += Buffer.byteLength(text);
    onSent(sent);
    await Promise.race([gone, pace.afterEvent?.(sent)]);
    if (pace.intervalMs !== undefined && !(await elapsed(pace.intervalMs, left))) return;
  }
  if (!left.aborted) response.end();
}

/** Chat chunks that carry nothing but length, to be put in before the end of a stream. */
export function* filler(pace: StreamPace, chunk: (content: string) => object): Generator<StreamEvent> {
  const size = pace.chunkBytes ?? 16_384;
  const data = JSON.stringify(chunk("x".repeat(size)));
  for (let made = 0; made < (pace.bytes ?? 0); made += data.length) yield { data };
}
