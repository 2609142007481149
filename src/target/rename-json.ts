import { BodyWalker } from "./body-walker.ts";
import type { NameAtBackend } from "./name-at-backend.ts";
import { readJson } from "./read-json.ts";
import { RenameFault } from "./rename-fault.ts";
import type { BodyContext, Shape } from "./shapes/shape.ts";

/**
 * A JSON body in which each deployment is called as its backend calls it, and all else stands byte for byte. What comes
 * out is read again: it must name the new names, where the old ones stood, and nothing else than before.
 * @throws RenameFault
 */
export function renameJson(
  body: Uint8Array,
  shape: Shape,
  context: BodyContext,
  nameAt: NameAtBackend,
): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const before = walk(bytes, shape, context);
  const pieces: Buffer[] = [];
  const wanted: string[] = [];
  let from = 0;
  for (const { name, start, end } of before.places) {
    // The idle `model` of a classic path may be empty.
    const now = name === "" ? "" : nameAt(name);
    if (!isSpliceable(now)) throw new RenameFault("the backend's name cannot stand in JSON");
    wanted.push(now);
    pieces.push(bytes.subarray(from, start), Buffer.from(now, "latin1"));
    from = end;
  }
  const renamed = Buffer.concat([...pieces, bytes.subarray(from)]);

  const after = walk(renamed, shape, context);
  const isSame =
    after.places.length === wanted.length &&
    after.places.every(({ name }, at) => name === wanted[at]) &&
    after.stream === before.stream &&
    after.store === before.store &&
    after.type === before.type &&
    after.objects.length === before.objects.length &&
    after.objects.every(
      ({ kind, id }, at) => kind === before.objects[at]?.kind && id === before.objects[at]?.id,
    );
  if (!isSame) throw new RenameFault("the renamed body does not name what it should");
  return renamed;
}

/** Without a character that could end the string or be read in two ways. */
const isSpliceable = (name: string | undefined): name is string =>
  name !== undefined && /^[A-Za-z0-9._:/-]*$/.test(name);

function walk(bytes: Buffer, shape: Shape, context: BodyContext): BodyWalker {
  const found = readJson(bytes, shape, context);
  if (found instanceof BodyWalker) return found;
  throw new RenameFault(`the body to rename does not pass: ${found.detail}`);
}
