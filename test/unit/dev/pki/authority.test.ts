import { X509Certificate } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  createAuthority,
  createSelfSigned,
  extensionOids,
  type KeyAlgorithm,
  restoreAuthority,
} from "../../../../src/dev/pki/authority.ts";
import { createTestPki, testPki } from "../../../support/test-pki.ts";
import { judgeClient } from "../../../support/tls-judge.ts";

const ekuClientAuth = "1.3.6.1.5.5.7.3.2";

describe("createAuthority", () => {
  it.each<KeyAlgorithm>([
    "ec-p256",
    "ec-p384",
    "ec-p521",
    "rsa-2048",
    "ed25519",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
  ])("signs with %s keys what node:crypto verifies", async (keyAlgorithm) => {
    const root = await createAuthority({ subject: "CN=Root, O=Plänt", keyAlgorithm });
    const leaf = await root.issue({ subject: "CN=leaf", keyAlgorithm });
    const issuer = new X509Certificate(root.certificate);
    const certificate = new X509Certificate(leaf.certificate);
    expect(issuer.verify(root.publicKey)).toBe(true);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.verify(leaf.publicKey)).toBe(false);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.checkPrivateKey(leaf.keyObject)).toBe(true);
  });

  it.each(["SHA-256", "SHA-384", "SHA-512"] as const)("signs with RSA-PSS over %s", async (hash) => {
    const root = await createAuthority({
      subject: "CN=Root",
      keyAlgorithm: "rsa-2048",
      signing: { rsaPadding: "pss", hash },
    });
    expect(new X509Certificate(root.certificate).verify(root.publicKey)).toBe(true);
    expect(root.certificate.includes(Buffer.from("2a864886f70d01010a", "hex"))).toBe(true);
  });

  it("makes an intermediate that sends itself, and a root that does not", async () => {
    const { root, intermediate, client } = await testPki();
    const second = await createAuthority({ subject: "CN=Second", issuer: intermediate });
    const deep = await second.issue({ subject: "CN=deep" });
    const direct = await root.issue({ subject: "CN=direct" });
    expect(client.chain).toEqual([client.certificate, intermediate.certificate]);
    expect(deep.chain).toEqual([deep.certificate, second.certificate, intermediate.certificate]);
    expect(direct.chain).toEqual([direct.certificate]);
  });

  it("goes on issuing after its certificate and key were stored", async () => {
    const { root, intermediate } = await testPki();
    const restored = restoreAuthority(
      intermediate.pem,
      intermediate.keyPem,
      restoreAuthority(root.pem, root.keyPem),
    );
    const leaf = await restored.issue({ subject: "CN=later" });
    expect(new X509Certificate(leaf.certificate).verify(intermediate.publicKey)).toBe(true);
    expect(leaf.chain).toEqual([leaf.certificate, intermediate.certificate]);
    expect(restored.serial).toBe(intermediate.serial);
  });

  it("refuses to be restored with another's key", async () => {
    const { root, intermediate } = await testPki();
    expect(() => restoreAuthority(intermediate.pem, root.keyPem)).toThrow(/key is not its certificate's/);
  });
});

describe("issue", () => {
  it("writes what it reports: serial, dates, thumbprint, purposes and names", async () => {
    const { intermediate } = await testPki();
    const leaf = await intermediate.issue({
      subject: "CN=device-7, O=Plant",
      serial: "00FF01",
      notBefore: new Date("2026-01-02T03:04:05.678Z"),
      notAfter: new Date("2060-01-01T00:00:00.900Z"),
      subjectAltNames: [
        { type: "dns", value: "device-7.plant.example" },
        { type: "ip", value: "::1" },
      ],
      crlDistributionPoints: ["http://127.0.0.1/ca.crl"],
    });
    const seen = new X509Certificate(leaf.certificate);
    expect(leaf.serial).toBe("ff01");
    expect(seen.serialNumber).toBe("FF01");
    expect(seen.validFromDate).toEqual(new Date("2026-01-02T03:04:05Z"));
    expect(seen.validToDate).toEqual(new Date("2060-01-01T00:00:00Z"));
    expect(leaf.notAfter).toEqual(seen.validToDate);
    expect(seen.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(leaf.thumbprint);
    expect(seen.keyUsage).toEqual([ekuClientAuth]);
    expect(seen.subjectAltName).toBe("DNS:device-7.plant.example, IP Address:0:0:0:0:0:0:0:1");
    expect(seen.ca).toBe(false);
  });

  it("makes a client that OpenSSL accepts with CRLs checked", async () => {
    const { root, server, client, rootCrl, intermediateCrl } = await testPki();
    const crls = [rootCrl.pem, intermediateCrl.pem];
    expect(await judgeClient({ roots: [root.pem], crls, server, client })).toBe("ok");
  });

  it("leaves an extension out when told to, and adds one as it stands", async () => {
    const { intermediate } = await testPki();
    const plain = await intermediate.issue({ subject: "CN=a", extendedKeyUsage: [] });
    const odd = await intermediate.issue({
      subject: "CN=a",
      omitExtensions: [extensionOids.authorityKeyIdentifier],
      extraExtensions: [{ oid: "1.2.3.4.5", critical: true, value: Buffer.of(0x05, 0x00) }],
    });
    expect(new X509Certificate(plain.certificate).keyUsage).toBeUndefined();
    expect(plain.certificate.includes(Buffer.from("551d23", "hex"))).toBe(true);
    expect(odd.certificate.includes(Buffer.from("551d23", "hex"))).toBe(false);
    expect(odd.certificate.includes(Buffer.from("06042a0304050101ff04020500", "hex"))).toBe(true);
  });

  it.each([
    ["expired", { notAfter: new Date(Date.now() - 60_000) }, "CERT_HAS_EXPIRED"],
    ["not yet valid", { notBefore: new Date(Date.now() + 60_000) }, "CERT_NOT_YET_VALID"],
    ["made for servers", { extendedKeyUsage: ["serverAuth"] as const }, "INVALID_PURPOSE"],
  ])("makes a client that is %s, for which OpenSSL says so", async (_, options, code) => {
    const { root, intermediate, server } = await testPki();
    const client = await intermediate.issue({ subject: "CN=bad", ...options });
    expect(await judgeClient({ roots: [root.pem], server, client })).toBe(code);
  });

  it("makes strangers: another root's client and a self-signed one are refused", async () => {
    const { root, server } = await testPki();
    const other = await createTestPki("Other");
    const selfSigned = await createSelfSigned({ subject: "CN=self" });
    const judge = (client: typeof selfSigned) => judgeClient({ roots: [root.pem], server, client });
    expect(await judge(other.client)).toBe("UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
    expect(await judge(selfSigned)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  });
});

describe("crl", () => {
  it("revokes the serial that it names and no other", async () => {
    const { root, intermediate, server, client, rootCrl } = await testPki();
    const revoked = await intermediate.issue({ subject: "CN=revoked" });
    const crl = await intermediate.crl({
      revoked: [{ serial: revoked.serial, reason: "keyCompromise" }, { serial: "0b" }],
      number: 300,
    });
    const common = { roots: [root.pem], crls: [rootCrl.pem, crl.pem], server };
    expect(await judgeClient({ ...common, client: revoked })).toBe("CERT_REVOKED");
    expect(await judgeClient({ ...common, client })).toBe("ok");
  });

  it("is out of date after nextUpdate", async () => {
    const { root, intermediate, server, client, rootCrl } = await testPki();
    const crl = await intermediate.crl({ nextUpdate: new Date(Date.now() - 1000) });
    const verdict = await judgeClient({ roots: [root.pem], crls: [rootCrl.pem, crl.pem], server, client });
    expect(verdict).toBe("CRL_HAS_EXPIRED");
  });

  it("writes no empty lists: neither of entries nor of an entry's extensions", async () => {
    const { intermediate } = await testPki();
    const empty = await intermediate.crl();
    const plain = await intermediate.crl({ revoked: [{ serial: "0b" }] });
    const emptySequence = Buffer.of(0x30, 0x00);
    expect(empty.der.subarray(0, -80).includes(emptySequence)).toBe(false);
    expect(plain.der.subarray(0, -80).includes(emptySequence)).toBe(false);
  });
});
