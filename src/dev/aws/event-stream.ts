import { crc32 } from "node:zlib";

/** One message of an AWS event stream (`application/vnd.amazon.eventstream`), with both of its checksums. */
export function encodeMessage(headers: Readonly<Record<string, string>>, payload: Uint8Array): Buffer {
  const encoded = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)));
  const total = 12 + encoded.length + payload.length + 4;
  const message = Buffer.alloc(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(encoded.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  encoded.copy(message, 12);
  message.set(payload, 12 + encoded.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - 4)), total - 4);
  return message;
}

/** An event with a JSON payload. */
export const encodeEvent = (type: string, payload: object): Buffer =>
  encodeMessage(
    { ":event-type": type, ":content-type": "application/json", ":message-type": "event" },
    Buffer.from(JSON.stringify(payload)),
  );

/** Type 7: a string with its length in two bytes. */
function encodeHeader(name: string, value: string): Buffer {
  const text = Buffer.from(value, "utf8");
  const header = Buffer.alloc(1 + name.length + 3 + text.length);
  header.writeUInt8(name.length, 0);
  header.write(name, 1, "ascii");
  header.writeUInt8(7, 1 + name.length);
  header.writeUInt16BE(text.length, 2 + name.length);
  text.copy(header, 4 + name.length);
  return header;
}
