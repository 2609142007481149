import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAuthority } from "../../../src/dev/pki/authority.ts";
import { derNull, explicit, integer, octetString, oid, sequence } from "../../../src/dev/pki/der.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { certIdOf } from "../../../src/pki/ocsp-cert-id.ts";
import { encodeOcspRequest } from "../../../src/pki/ocsp-request.ts";

const ca = await createAuthority({ subject: "CN=CA" });
const leaf = await ca.issue({ subject: "CN=robot", serial: "ff01" });
const nonce = randomBytes(32);

describe("an OCSP request", () => {
  it.each([
    ["sha1", "1.3.14.3.2.26"],
    ["sha256", "2.16.840.1.101.3.4.2.1"],
  ] as const)("names the certificate with %s and carries the nonce, and nothing else", (hash, algorithm) => {
    const digest = (data: Uint8Array) => octetString(createHash(hash).update(data).digest());
    const point = ca.publicKey.export({ format: "der", type: "spki" }).subarray(-65);
    const expected = sequence(
      sequence(
        sequence(
          sequence(
            sequence(sequence(oid(algorithm), derNull), digest(ca.name), digest(point), integer("ff01")),
          ),
        ),
        explicit(2, sequence(sequence(oid("1.3.6.1.5.5.7.48.1.2"), octetString(octetString(nonce))))),
      ),
    );
    const id = certIdOf(parseCertificate(leaf.certificate), parseCertificate(ca.certificate), hash);
    expect(Buffer.from(encodeOcspRequest(id, nonce))).toEqual(expected);
  });

  it("refuses a nonce of another length than 32 octets", () => {
    const id = certIdOf(parseCertificate(leaf.certificate), parseCertificate(ca.certificate), "sha1");
    expect(() => encodeOcspRequest(id, nonce.subarray(1))).toThrow(RangeError);
  });

  it("takes serial numbers of any length that a certificate can have", () => {
    const id = certIdOf(parseCertificate(leaf.certificate), parseCertificate(ca.certificate), "sha1");
    for (const length of [1, 60, 127, 128, 200, 256, 70_000]) {
      const serial = Buffer.alloc(length, 0x11);
      const request = Buffer.from(encodeOcspRequest({ ...id, serial }, nonce));
      expect(request.includes(integer(serial.toString("hex")))).toBe(true);
    }
  });
});
