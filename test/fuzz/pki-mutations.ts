import * as fc from "fast-check";

/** One way to damage DER; positions are fractions, so that a counterexample shrinks with any input. */
type Mutation =
  | { readonly kind: "flip-bit"; readonly where: number; readonly bit: number }
  | { readonly kind: "set-byte"; readonly where: number; readonly byte: number }
  | { readonly kind: "lie-about-length"; readonly where: number; readonly length: number }
  | { readonly kind: "truncate"; readonly where: number }
  | { readonly kind: "insert"; readonly where: number; readonly bytes: Uint8Array }
  | { readonly kind: "cut"; readonly where: number; readonly count: number }
  | {
      readonly kind: "splice";
      readonly where: number;
      readonly donor: number;
      readonly from: number;
      readonly count: number;
    };

// Not fc.double, which is uniform over representations: nearly every position would be the first.
const fraction = fc.integer({ min: 0, max: 0xffff }).map((n) => n / 0x10000);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("flip-bit" as const), where: fraction, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constant("set-byte" as const),
    where: fraction,
    byte: fc.constantFrom(0, 1, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xff),
  }),
  fc.record({
    kind: fc.constant("lie-about-length" as const),
    where: fraction,
    length: fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff),
  }),
  fc.record({ kind: fc.constant("truncate" as const), where: fraction }),
  fc.record({
    kind: fc.constant("insert" as const),
    where: fraction,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant("cut" as const), where: fraction, count: fc.integer({ min: 1, max: 32 }) }),
  fc.record({
    kind: fc.constant("splice" as const),
    where: fraction,
    donor: fc.nat(15),
    from: fraction,
    count: fc.integer({ min: 1, max: 256 }),
  }),
);

/** A choice of one input and what is done to it. */
export interface Damage {
  readonly input: number;
  readonly mutations: readonly Mutation[];
}

export const damage: fc.Arbitrary<Damage> = fc.record({
  input: fc.nat(15),
  mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
});

/** Offsets of the length octet of every element that can be reached, also inside OCTET and BIT STRINGs. */
function lengthOffsets(der: Uint8Array, start = 0, end = der.length, found: number[] = []): number[] {
  for (let at = start; at + 2 <= end;) {
    const tag = der[at] ?? 0;
    const first = der[at + 1] ?? 0;
    const octets = first < 0x80 ? 0 : first & 0x7f;
    let length = octets === 0 ? first : 0;
    for (let i = 0; i < octets; i += 1) length = length * 256 + (der[at + 2 + i] ?? 0);
    const content = at + 2 + octets;
    if (octets > 3 || content + length > end) return found;
    found.push(at + 1);
    if ((tag & 0x20) !== 0 || tag === 0x04) lengthOffsets(der, content, content + length, found);
    at = content + length;
  }
  return found;
}

/** Applies the damage; splices take from the other inputs. */
export function applyDamage(inputs: readonly Uint8Array[], { input, mutations }: Damage): Uint8Array {
  let bytes = Buffer.from(inputs[input % inputs.length]!);
  for (const step of mutations) {
    const at = Math.floor(step.where * bytes.length);
    switch (step.kind) {
      case "flip-bit":
        if (bytes.length > 0) bytes[at]! ^= 1 << step.bit;
        break;
      case "set-byte":
        bytes[at] = step.byte;
        break;
      case "lie-about-length": {
        const offsets = lengthOffsets(bytes);
        const offset = offsets[Math.floor(step.where * offsets.length)];
        if (offset !== undefined) bytes[offset] = step.length;
        break;
      }
      case "truncate":
        bytes = bytes.subarray(0, at);
        break;
      case "insert":
        bytes = Buffer.concat([bytes.subarray(0, at), step.bytes, bytes.subarray(at)]);
        break;
      case "cut":
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + step.count)]);
        break;
      case "splice": {
        const donor = inputs[step.donor % inputs.length]!;
        const from = Math.floor(step.from * donor.length);
        const part = donor.subarray(from, from + step.count);
        bytes = Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + part.length)]);
        break;
      }
    }
  }
  return bytes;
}
