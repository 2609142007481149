import { MultipartFault } from "./multipart/multipart-fault.ts";
import { MultipartParser } from "./multipart/push-parser.ts";
import type { NameAtBackend } from "./name-at-backend.ts";
import { RenameFault } from "./rename-fault.ts";

/**
 * A form, or its beginning, in which the field `model` holds what the backend calls the deployment; all else stands
 * byte for byte. What comes out is read again.
 * @param mustName the deployment stands in the form, and nowhere else: then it must stand in these very bytes
 * @throws RenameFault also when the name holds what ends a part
 */
export function renameForm(
  boundary: string,
  form: Uint8Array,
  nameAt: NameAtBackend,
  mustName: boolean,
): Uint8Array {
  const bytes = Buffer.from(form.buffer, form.byteOffset, form.byteLength);
  const place = modelIn(boundary, bytes);
  // On a classic path the field is idle: it may be missing, empty, or further on.
  if (place === undefined || place.name === "") {
    if (mustName) throw new RenameFault("the form to rename does not hold its model");
    return form;
  }
  const now = nameAt(place.name);
  if (now === undefined || !/^[A-Za-z0-9._:/-]+$/.test(now))
    throw new RenameFault("the backend's name cannot stand in a form");
  const renamed = Buffer.concat([
    bytes.subarray(0, place.start),
    Buffer.from(now, "latin1"),
    bytes.subarray(place.end),
  ]);
  const after = modelIn(boundary, renamed);
  if (after?.name !== now || after.parts !== place.parts)
    throw new RenameFault("the renamed form does not name what it should");
  return renamed;
}

interface ModelPlace {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** How many parts begin in the bytes. */
  readonly parts: number;
}

function modelIn(boundary: string, bytes: Buffer): ModelPlace | undefined {
  let parts = 0;
  let isModel = false;
  let start: number | undefined;
  let end = 0;
  let isWhole = false;
  const parser = new MultipartParser(boundary, {
    part({ name, isFile }) {
      parts += 1;
      isModel = name === "model" && !isFile;
    },
    data(piece) {
      if (!isModel) return;
      // The parser is pushed to once, so its pieces are views of these bytes.
      const at = piece.byteOffset - bytes.byteOffset;
      start ??= at;
      end = at + piece.length;
    },
    partEnd() {
      if (isModel) isWhole = true;
      isModel = false;
    },
  });
  try {
    parser.push(bytes);
  } catch (error) {
    if (error instanceof MultipartFault)
      throw new RenameFault(`the form to rename does not pass: ${error.message}`);
    throw error;
  }
  if (start === undefined) return undefined;
  if (!isWhole) throw new RenameFault("the field `model` was not read to its end");
  return { name: bytes.toString("latin1", start, end), start, end, parts };
}
