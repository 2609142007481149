const [cr, lf] = [0x0d, 0x0a];

/** A piece of a body as one chunk of it (RFC 9112 7.1). @param piece not empty: an empty chunk would be the last one */
export function oneChunk(piece: Uint8Array): Buffer {
  const size = piece.length.toString(16);
  const chunk = Buffer.allocUnsafe(size.length + piece.length + 4);
  let at = chunk.write(size, "latin1");
  chunk[at++] = cr;
  chunk[at++] = lf;
  chunk.set(piece, at);
  at += piece.length;
  chunk[at++] = cr;
  chunk[at] = lf;
  return chunk;
}
