/**
 * Bytes that every thread of the process sees without a copy. Whoever fills them does so before anybody else gets
 * them; nobody writes into them afterwards.
 */
export const allocateShared = (length: number): Uint8Array<SharedArrayBuffer> =>
  new Uint8Array(new SharedArrayBuffer(length));

/** The same bytes in shared memory; no copy where they are there already. */
export function toShared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = allocateShared(bytes.length);
  shared.set(bytes);
  return shared;
}
