import { once } from "node:events";
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
  /** Called after every event, with the bytes sent so far. Waits for what it returns. */
  readonly afterEvent?: (sentBytes: number) => Promise<void> | void;
}

/** An event as it stands on the wire. `name`: the `event:` line. */
export interface StreamEvent {
  readonly name?: string;
  readonly data: string;
}

/**
 * Sends server-sent events with backpressure: it never holds more than the connection takes.
 * @returns bytes sent; it ends early when the other side leaves.
 */
export async function sendEvents(
  response: ServerResponse,
  events: Iterable<StreamEvent>,
  pace: StreamPace,
  onSent: (bytes: number) => void,
): Promise<void> {
  const left = leftSignal(response);
  let sent = 0;
  for (const { name, data } of events) {
    if (left.aborted) return;
    const text = `${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`;
    sent += Buffer.byteLength(text);
    onSent(sent);
    if (!response.write(text)) {
      try {
        await once(response, "drain", { signal: left });
      } catch (error) {
        if (left.aborted) return;
        throw error;
      }
    }
    await pace.afterEvent?.(sent);
    if (pace.intervalMs !== undefined && !(await elapsed(pace.intervalMs, left))) return;
  }
  response.end();
}

/** Chat chunks that carry nothing but length, to be put in before the end of a stream. */
export function* filler(pace: StreamPace, chunk: (content: string) => object): Generator<StreamEvent> {
  const size = pace.chunkBytes ?? 16_384;
  const data = JSON.stringify(chunk("x".repeat(size)));
  for (let made = 0; made < (pace.bytes ?? 0); made += data.length) yield { data };
}
