import { crc32 } from "node:zlib";
import type { Usage, UsageReader } from "../model/usage.ts";
import { parsed } from "./bedrock-json.ts";
import { converseUsage, invocationUsage, member } from "./bedrock-usage.ts";
import { readEventHeaders } from "./event-headers.ts";

/**
 * Bytes of the two lengths with their checksum that each message begins with, and of the checksum at its end
 * (AWS event stream encoding, `application/vnd.amazon.eventstream`).
 */
const preludeLength = 12;
const checksumLength = 4;
/** AWS's own bounds: 16 MiB of payload, 128 KiB of headers. */
const longestMessage = 16 * 1024 * 1024 + 128 * 1024 + preludeLength + checksumLength;
const longestHeaders = 128 * 1024;
/** A message that tells the usage is far shorter; longer ones are proved and counted, but not held. */
const longestKept = 256 * 1024;

/** Reads the usage out of an answer of ConverseStream or InvokeModelWithResponseStream. */
export function readBedrockEventStream(): UsageReader {
  return new EventStreamReader();
}

class EventStreamReader implements UsageReader {
  /** What has come of the prelude, or of a message that is kept. */
  #held = Buffer.alloc(preludeLength);
  #filled = 0;
  /** Of the message under way; undefined while its prelude is read. */
  #message: { total: number; headers: number; kept: boolean } | undefined;
  /** Of a message that is not kept: the checksum of all but its last four bytes, which are collected. */
  #running = 0;
  #seen = 0;
  readonly #trailer = Buffer.alloc(checksumLength);
  /** A stream that breaks its own rules once is not believed any more. */
  #broken = false;
  #usage: Usage | undefined;

  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0 && !this.#broken) {
      const taken = this.#message?.kept === false ? this.#pass(rest) : this.#keep(rest);
      rest = rest.subarray(taken);
    }
  }

  end(): Usage | undefined {
    const isWhole = this.#message === undefined && this.#filled === 0;
    return this.#broken || !isWhole ? undefined : this.#usage;
  }

  /** Takes bytes into what is held. @returns how many */
  #keep(bytes: Buffer): number {
    const want = this.#message?.total ?? preludeLength;
    const taken = bytes.copy(this.#held, this.#filled, 0, want - this.#filled);
    this.#filled += taken;
    if (this.#filled < want) return taken;
    if (this.#message === undefined) this.#begin();
    else {
      if (
        crc32(this.#held.subarray(0, want - checksumLength)) ===
        this.#held.readUInt32BE(want - checksumLength)
      )
        this.#read(this.#held.subarray(0, want), this.#message.headers);
      else this.#broken = true;
      this.#next();
    }
    return taken;
  }

  /** The prelude is complete. */
  #begin(): void {
    const total = this.#held.readUInt32BE(0);
    const headers = this.#held.readUInt32BE(4);
    const shortest = preludeLength + headers + checksumLength;
    if (
      crc32(this.#held.subarray(0, 8)) !== this.#held.readUInt32BE(8) ||
      total < shortest ||
      total > longestMessage ||
      headers > longestHeaders
    ) {
      this.#broken = true;
      return;
    }
    const kept = total <= longestKept;
    this.#message = { total, headers, kept };
    if (kept) {
      if (this.#held.length < total) this.#held = Buffer.concat([this.#held], total);
      return;
    }
    this.#running = crc32(this.#held.subarray(0, preludeLength));
    this.#seen = preludeLength;
  }

  /** Proves a message that is not kept. @returns how many bytes were its */
  #pass(bytes: Buffer): number {
    const total = this.#message?.total ?? 0;
    const own = bytes.subarray(0, total - this.#seen);
    const body = own.subarray(0, Math.max(0, total - checksumLength - this.#seen));
    this.#running = crc32(body, this.#running);
    const trailer = own.subarray(body.length);
    if (trailer.length > 0) trailer.copy(this.#trailer, this.#seen + body.length - (total - checksumLength));
    this.#seen += own.length;
    if (this.#seen === total) {
      if (this.#trailer.readUInt32BE(0) !== this.#running) this.#broken = true;
      this.#next();
    }
    return own.length;
  }

  #next(): void {
    this.#message = undefined;
    this.#filled = 0;
  }

  #read(message: Buffer, headersLength: number): void {
    const headers = readEventHeaders(message.subarray(preludeLength, preludeLength + headersLength));
    if (headers === undefined) {
      this.#broken = true;
      return;
    }
    if (headers.get(":message-type") !== "event") return;
    const type = headers.get(":event-type");
    if (type !== "metadata" && type !== "chunk") return;
    const payload = parsed(
      message.toString("utf8", preludeLength + headersLength, message.length - checksumLength),
    );
    if (type === "metadata") this.#usage = converseUsage(payload) ?? this.#usage;
    else this.#usage = invocationUsage(pieceIn(payload)) ?? this.#usage;
  }
}

/** A `chunk` holds a piece of the model's own JSON in base64. */
function pieceIn(payload: unknown): unknown {
  const bytes = member(payload, "bytes");
  return typeof bytes === "string" ? parsed(Buffer.from(bytes, "base64").toString("utf8")) : undefined;
}
