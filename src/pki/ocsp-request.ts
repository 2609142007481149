import type { CertId } from "./ocsp-cert-id.ts";
import { tag } from "./der-reader.ts";
import { oid } from "./object-identifiers.ts";

/** RFC 9654 2.1: clients send 32 octets, which every responder must take; RFC 8954 allowed no more. */
export const nonceLength = 32;

/**
 * An OCSPRequest (RFC 6960 4.1.1) about one certificate, unsigned, with a nonce.
 * @param nonce 32 random octets
 */
export function encodeOcspRequest(id: CertId, nonce: Uint8Array): Uint8Array {
  if (nonce.length !== nonceLength) throw new RangeError(`a nonce has ${nonceLength} octets`);
  const certId = sequence(
    // NULL parameters stand there in every implementation, although RFC 5754 would leave them out.
    sequence(objectIdentifier(id.hashAlgorithm), element(tag.null)),
    element(tag.octetString, id.issuerNameHash),
    element(tag.octetString, id.issuerKeyHash),
    element(tag.integer, id.serial),
  );
  const extension = sequence(objectIdentifier(oid.ocspNonce), element(tag.octetString, nonceValue(nonce)));
  const requestExtensions = element(0xa2, sequence(extension));
  return sequence(sequence(sequence(sequence(certId)), requestExtensions));
}

/** The extension's value: a nonce is an OCTET STRING of its own inside the one of every extension (RFC 9654 2.1). */
export const nonceValue = (nonce: Uint8Array): Uint8Array => element(tag.octetString, nonce);

const sequence = (...content: readonly Uint8Array[]): Buffer => element(tag.sequence, ...content);

function element(as: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  // A serial number can be as long as a certificate: it is foreign. No element of a request is longer than 16 MB.
  const octets =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : length < 0x10000
          ? [0x82, length >> 8, length & 0xff]
          : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([as, ...octets]), ...content]);
}

function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(tag.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) octets.unshift(0x80 | (rest & 0x7f));
  return octets;
}
