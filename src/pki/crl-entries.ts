import { hashOf, SlotBatch } from "./crl-slots.ts";
import { DerReader, tag } from "./der-reader.ts";
import { timeOf } from "./der-time.ts";
import { type Extension, readExtensions } from "./extensions.ts";
import { readGeneralNames } from "./general-name.ts";
import type { Name } from "./name.ts";
import { oid } from "./object-identifiers.ts";
import { malformed, PkiError } from "./pki-error.ts";

/** Why a certificate was revoked: CRLReason (RFC 5280 5.3.1) by its number. 7 is unused. */
export const crlReasons = [
  "unspecified",
  "keyCompromise",
  "cACompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "certificateHold",
  undefined,
  "removeFromCRL",
  "privilegeWithdrawn",
  "aACompromise",
] as const;
export type CrlReason = Exclude<(typeof crlReasons)[number], undefined>;

/** What a CRL says about one certificate. */
export interface CrlEntry {
  /** Epoch ms. */
  readonly revokedAt: number;
  readonly reason: CrlReason;
}

/** The index over the entries of one CRL, as plain memory that one thread can hand to another. */
export interface CrlEntryIndex {
  readonly count: number;
  /** Offset of an entry plus 1; 0 is an empty slot. Open addressing, linear probing. */
  readonly slots: Uint32Array<ArrayBuffer>;
  /** Offsets of the entries that name a certificate issuer of their own, ascending (indirect CRLs only). */
  readonly issuers: Uint32Array<ArrayBuffer>;
}

/**
 * The revokedCertificates of a CRL as a hash of offsets into its DER: 8 to 16 bytes an entry on top of the DER, no
 * object an entry. Each entry is checked once, while it is indexed.
 */
export class CrlEntries {
  readonly index: CrlEntryIndex;
  readonly #bytes: Uint8Array;
  readonly #crlIssuer: Name;

  /**
   * @param entries stands inside revokedCertificates
   * @param form whether the CRL may have entry extensions (v2) and may name other issuers (indirect)
   * @param made the index, where another thread has made it from these very bytes: it is believed
   * @throws PkiError on the first entry that is malformed or carries a critical extension that is not understood
   */
  constructor(entries: DerReader, crlIssuer: Name, form: "v1" | "direct" | "indirect", made?: CrlEntryIndex) {
    this.#bytes = entries.bytes;
    this.#crlIssuer = crlIssuer;
    this.index = made ?? this.#makeIndex(entries.position, entries.end, form);
  }

  /** The entry for a certificate with this issuer and serial number, or undefined. Microseconds. */
  find(issuer: Name, serial: Uint8Array): CrlEntry | undefined {
    const { slots } = this.index;
    const mask = slots.length - 1;
    let removed: CrlEntry | undefined;
    for (let slot = hashOf(serial, 0, serial.length) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const offset = (slots[slot] as number) - 1;
      if (!this.#hasSerial(offset, serial) || !this.#issuersAt(offset).some((name) => name.equals(issuer)))
        continue;
      const entry = this.#entryAt(offset);
      // Listed twice: whichever entry revokes wins.
      if (entry.reason !== "removeFromCRL") return entry;
      removed = entry;
    }
    return removed;
  }

  #makeIndex(start: number, end: number, form: "v1" | "direct" | "indirect"): CrlEntryIndex {
    const bytes = this.#bytes;
    const count = countElements(bytes, start, end);
    let size = 16;
    while (size < count * 2) size *= 2;
    const slots = new Uint32Array(size);
    const issuers: number[] = [];
    const batch = new SlotBatch(slots);
    for (let at = start; at < end;) {
      const content = contentOf(bytes, at, end);
      const next = content + lengthOf(bytes, at);
      if (bytes[at] !== tag.sequence || next > end)
        throw malformed("CRL entry", "not a SEQUENCE within the list");
      const serial = content + 2;
      const serialLength = bytes[content + 1] as number;
      if (
        bytes[content] !== tag.integer ||
        serialLength === 0 ||
        serialLength > 127 ||
        serial + serialLength > next
      )
        throw malformed("CRL entry", "no serial number");
      if (serialLength > 1 && isPadded(bytes[serial] as number, bytes[serial + 1] as number))
        throw malformed("CRL entry", "serial number is not minimal");
      const after = checkTime(bytes, serial + serialLength, next);
      if (after !== next) {
        if (form === "v1") throw malformed("CRL entry", "a version 1 entry with extensions");
        if (!isPlainReason(bytes, after, next) && this.#checkExtensions(after, next, form)) issuers.push(at);
      }
      batch.add(at, hashOf(bytes, serial, serialLength));
      at = next;
    }
    batch.flush();
    return { count, slots, issuers: Uint32Array.from(issuers) };
  }

  /** @returns whether the entry names a certificate issuer */
  #checkExtensions(start: number, end: number, form: "direct" | "indirect"): boolean {
    let namesIssuer = false;
    const reader = new DerReader(this.#bytes, "CRL entry extensions", start, end);
    const extensions = readExtensions(reader, "CRL entry extensions");
    reader.finish();
    for (const extension of extensions) {
      if (extension.oid === oid.certificateIssuer && form === "indirect") {
        readIssuer(extension);
        namesIssuer = true;
      } else if (extension.oid === oid.reasonCode) readReason(extension);
      // RFC 5280 5.3: an entry with a critical extension that is not understood makes the whole CRL unusable.
      else if (extension.critical)
        throw new PkiError(
          "unsupported",
          `CRL: critical entry extension ${extension.oid} is not understood here`,
        );
    }
    return namesIssuer;
  }

  #hasSerial(offset: number, serial: Uint8Array): boolean {
    const at = contentOf(this.#bytes, offset, this.#bytes.length);
    if (this.#bytes[at + 1] !== serial.length) return false;
    for (let i = 0; i < serial.length; i += 1) if (this.#bytes[at + 2 + i] !== serial[i]) return false;
    return true;
  }

  /** Whose certificate the entry at `offset` means: the last certificateIssuer at or before it, else the CRL issuer. */
  #issuersAt(offset: number): readonly Name[] {
    const { issuers } = this.index;
    let low = 0;
    let high = issuers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((issuers[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    const from = issuers[low - 1];
    if (from === undefined) return [this.#crlIssuer];
    return this.#partsAt(from)
      .extensions.filter((extension) => extension.oid === oid.certificateIssuer)
      .flatMap(readIssuer);
  }

  #entryAt(offset: number): CrlEntry {
    const { revokedAt, extensions } = this.#partsAt(offset);
    const reasonCode = extensions.find((extension) => extension.oid === oid.reasonCode);
    return { revokedAt, reason: reasonCode === undefined ? "unspecified" : readReason(reasonCode) };
  }

  #partsAt(offset: number): { readonly revokedAt: number; readonly extensions: readonly Extension[] } {
    const entry = new DerReader(this.#bytes, "CRL entry", offset).sequence();
    entry.integer();
    const generalized = entry.sees(tag.generalizedTime);
    // A day that no calendar has (31 February) passes the scan; the revocation stands whatever its date.
    const revokedAt =
      timeOf(entry.content(generalized ? tag.generalizedTime : tag.utcTime), generalized) ?? 0;
    return { revokedAt, extensions: entry.atEnd ? [] : readExtensions(entry, "CRL entry extensions") };
  }
}

function readReason({ value }: Extension): CrlReason {
  const reader = new DerReader(value, "reasonCode");
  const reason = crlReasons[reader.smallInteger(tag.enumerated)];
  reader.finish();
  if (reason === undefined) throw malformed("reasonCode", "no such reason");
  return reason;
}

function readIssuer({ value }: Extension): Name[] {
  const reader = new DerReader(value, "certificateIssuer");
  const names = readGeneralNames(reader.sequence(), "certificateIssuer");
  reader.finish();
  return names.flatMap((name) => (name.kind === "directory" ? [name.value] : []));
}

/** `reasonCode`, not critical, and nothing else: what nearly every entry with extensions has. */
const plainReason = [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];
function isPlainReason(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== plainReason.length + 1) return false;
  for (let i = 0; i < plainReason.length; i += 1) if (bytes[start + i] !== plainReason[i]) return false;
  return crlReasons[bytes[end - 1] as number] !== undefined;
}

/** Checks a Time's form and returns where it ends. The calendar is consulted when the entry is looked up. */
function checkTime(bytes: Uint8Array, at: number, end: number): number {
  const digits = bytes[at] === tag.utcTime ? 12 : bytes[at] === tag.generalizedTime ? 14 : -1;
  const zone = at + 2 + digits;
  if (digits === -1 || bytes[at + 1] !== digits + 1 || zone >= end || bytes[zone] !== 0x5a)
    throw malformed("CRL entry", "no revocation date");
  for (let i = at + 2; i < zone; i += 1)
    if ((bytes[i] as number) < 0x30 || (bytes[i] as number) > 0x39)
      throw malformed("CRL entry", "revocation date with other than digits");
  return zone + 1;
}

const isPadded = (first: number, second: number): boolean =>
  (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);

function countElements(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; count += 1) at = contentOf(bytes, at, end) + lengthOf(bytes, at);
  return count;
}

/** Where the content of the element at `at` starts. Entries over 65,535 octets do not exist. */
function contentOf(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at + 1] as number;
  const content = at + (first < 0x80 ? 2 : first - 0x80 + 2);
  if (content > end || at + 2 > end || first === 0x80 || first > 0x82)
    throw malformed("CRL entry", "no definite length within the list");
  return content;
}

function lengthOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] as number;
  if (first < 0x80) return first;
  const length =
    first === 0x81 ? (bytes[at + 2] as number) : ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  if (length < (first === 0x81 ? 0x80 : 0x100)) throw malformed("CRL entry", "length is not minimal");
  return length;
}
