import { randomFillSync } from "node:crypto";
import type { Authority } from "../src/dev/pki/authority.ts";
import { explicit, integer, sequence, sequenceOf, time } from "../src/dev/pki/der.ts";
import {
  authorityKeyIdentifier,
  extensionOids,
  keyIdentifier,
  rawExtension,
} from "../src/dev/pki/extensions.ts";
import { derSignerOf, signed } from "../src/dev/pki/signature.ts";

/** One entry: a random serial number of 16 octets, a date, and a reason, as public CAs write them. */
const entryBytes = 49;
const template = Buffer.from(
  `302f0210${"00".repeat(16)}170d${Buffer.from("260101000000Z").toString("hex")}300c300a0603551d1504030a0101`,
  "hex",
);

export interface LargeCrl {
  readonly der: Uint8Array;
  /** Serial numbers that are in it. */
  readonly serials: readonly Uint8Array[];
}

/** A signed CRL with random entries, made entry by entry in one buffer: the usual builder takes ten seconds a million. */
export async function makeLargeCrl(authority: Authority, count: number, number: number): Promise<LargeCrl> {
  const entries = Buffer.alloc(count * entryBytes);
  const random = randomFillSync(Buffer.alloc(count * 16));
  const serials: Uint8Array[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = i * entryBytes;
    template.copy(entries, at);
    random.copy(entries, at + 4, i * 16, i * 16 + 16);
    // Positive and minimal.
    entries[at + 4] = ((random[i * 16] as number) & 0x3f) | 0x40;
    if (serials.length < 10_000) serials.push(entries.subarray(at + 4, at + 20));
  }
  const signer = derSignerOf(authority.keyObject);
  const now = Date.now() + number * 1000 - 3_600_000;
  const body = sequence(
    integer(1),
    signer.algorithm,
    Buffer.from(authority.name),
    time(new Date(now)),
    time(new Date(now + 7 * 86_400_000)),
    sequenceOf([entries]),
    explicit(
      0,
      sequence(
        authorityKeyIdentifier(await keyIdentifier(authority.publicKey)),
        rawExtension({ oid: extensionOids.crlNumber, critical: false, value: integer(number) }),
      ),
    ),
  );
  return { der: signed(body, signer), serials };
}
