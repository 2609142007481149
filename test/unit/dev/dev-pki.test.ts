import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { type DevClient, type DevPki, devClients, ensureDevPki } from "../../../src/dev/dev-pki.ts";
import { parseCrl } from "../../../src/pki/crl.ts";
import { decodePem } from "../../../src/pki/pem.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { judgeClient } from "../../support/tls-judge.ts";

const dayMs = 86_400_000;
const inDays = (days: number) => {
  const now = Date.now() + days * dayMs;
  return { now: () => now, monotonic: () => now, after: () => () => {} };
};
const today = inDays(0);

const outcomes = ({ report }: DevPki, outcome: string) =>
  report.filter((item) => item.outcome === outcome).map(({ name }) => name);

async function contents(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.toSorted().map(async (file) => [file.slice(directory.length + 1), await readFile(file, "utf8")]),
  );
  return Object.fromEntries(texts) as Record<string, string>;
}

const crlOf = async (file: string) => {
  const [der] = decodePem(await readFile(file, "utf8"), "X509 CRL");
  return parseCrl(der ?? new Uint8Array());
};

describe("ensureDevPki, in an empty directory", () => {
  it("makes every file that the documentation names, and no other", async () => {
    const directory = await tempDir();
    await ensureDevPki(directory, today);
    const pairs = ["root-ca", "intermediate-ca", "server", ...devClients.map((name) => `clients/${name}`)];
    const expected = [
      "crl/root-ca.pem",
      "crl/intermediate-ca.pem",
      ...pairs.flatMap((name) => [`${name}.pem`, `${name}.key`]),
    ];
    expect(Object.keys(await contents(directory))).toEqual(expected.toSorted());
  });

  it.each<[DevClient, string]>([
    ["allowed", "ok"],
    ["other", "ok"],
    ["unknown", "ok"],
    ["expired", "CERT_HAS_EXPIRED"],
    ["not-yet-valid", "CERT_NOT_YET_VALID"],
    ["revoked", "CERT_REVOKED"],
    ["wrong-usage", "INVALID_PURPOSE"],
    ["stranger", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
    ["self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ])("makes the client %s, of whom OpenSSL says %s", async (client, verdict) => {
    const pki = await ensureDevPki(await tempDir(), today);
    const { certificateFile, keyFile } = pki.clients[client];
    const [chainPem, keyPem, ...crls] = await Promise.all(
      [certificateFile, keyFile, ...pki.crlFiles].map((file) => readFile(file, "utf8")),
    );
    // Of a foreign chain OpenSSL would name the missing CRL last, and so only that.
    const foreign = client === "stranger" || client === "self-signed";
    const files = { chainPem: chainPem ?? "", keyPem: keyPem ?? "" };
    const judged = { roots: [pki.rootCaPem], crls: foreign ? [] : crls, server: pki.server, client: files };
    expect(await judgeClient(judged)).toBe(verdict);
  });

  it("reports the thumbprints of the clients' leaves, not of their intermediate", async () => {
    const pki = await ensureDevPki(await tempDir(), today);
    for (const client of devClients) {
      const { certificateFile, thumbprint } = pki.clients[client];
      const leaf = new X509Certificate(await readFile(certificateFile));
      expect(leaf.subject).toContain(`CN=${client}`);
      expect(thumbprint).toBe(leaf.fingerprint256.replaceAll(":", "").toLowerCase());
    }
  });

  it("keeps every key from group and others", async () => {
    const directory = await tempDir();
    await ensureDevPki(directory, today);
    const keys = Object.keys(await contents(directory)).filter((name) => name.endsWith(".key"));
    const modes = await Promise.all(
      keys.map(async (name) => (await stat(join(directory, name))).mode & 0o777),
    );
    expect(modes).toEqual(keys.map(() => 0o600));
  });
});

describe("ensureDevPki, where a PKI is already", () => {
  it("reuses all that is good, byte for byte", async () => {
    const directory = await tempDir();
    const first = await ensureDevPki(directory, today);
    const before = await contents(directory);
    const second = await ensureDevPki(directory, inDays(4));
    expect(outcomes(second, "reused")).toHaveLength(first.report.length);
    expect(await contents(directory)).toEqual(before);
    expect(second).toEqual({ ...first, report: second.report });
  });

  it("renews CRLs within two days of their end, and nothing else", async () => {
    const directory = await tempDir();
    const before = await ensureDevPki(directory, today);
    const [, oldFile = ""] = before.crlFiles;
    const old = await crlOf(oldFile);
    const after = await ensureDevPki(directory, inDays(5.5));
    const renewed = await crlOf(oldFile);
    expect(outcomes(after, "renewed")).toEqual(["crl/root-ca", "crl/intermediate-ca"]);
    expect(renewed.nextUpdate).toBeGreaterThan(Date.now() + 12 * dayMs);
    expect(renewed.crlNumber).toBeGreaterThan(old.crlNumber ?? 0n);
    expect(renewed.entryCount).toBe(1);
  });

  it("renews leaves within ten days of their end, with new thumbprints under the same CAs", async () => {
    const directory = await tempDir();
    const before = await ensureDevPki(directory, today);
    const after = await ensureDevPki(directory, inDays(81));
    const renewed = outcomes(after, "renewed");
    expect(renewed).toEqual(expect.arrayContaining(["server", "clients/allowed", "clients/revoked"]));
    expect(outcomes(after, "made")).toEqual([]);
    expect(outcomes(after, "reused")).toEqual(["root-ca", "intermediate-ca", "clients/expired"]);
    expect(after.clients.allowed.thumbprint).not.toBe(before.clients.allowed.thumbprint);
    expect(after.rootCaPem).toBe(before.rootCaPem);
    const issuer = new X509Certificate(after.intermediateCaPem);
    const leaf = new X509Certificate(await readFile(after.clients.allowed.certificateFile));
    expect(leaf.verify(issuer.publicKey)).toBe(true);
  });

  it("keeps expired expired and not-yet-valid ahead, whatever the time", async () => {
    const directory = await tempDir();
    await ensureDevPki(directory, today);
    for (const days of [25, 200, -200]) {
      const clock = inDays(days);
      const { clients } = await ensureDevPki(directory, clock);
      const expired = new X509Certificate(await readFile(clients.expired.certificateFile));
      const ahead = new X509Certificate(await readFile(clients["not-yet-valid"].certificateFile));
      expect(expired.validToDate.getTime()).toBeLessThan(clock.now());
      expect(ahead.validFromDate.getTime()).toBeGreaterThan(clock.now());
    }
  });

  it("puts a renewed revoked client on the CRL at once", async () => {
    const directory = await tempDir();
    const before = await ensureDevPki(directory, today);
    await rm(before.clients.revoked.keyFile);
    const after = await ensureDevPki(directory, today);
    expect(after.clients.revoked.thumbprint).not.toBe(before.clients.revoked.thumbprint);
    expect(after.report.find(({ name }) => name === "crl/intermediate-ca")?.why).toBe(
      "it lacked a revoked certificate",
    );
  });

  it.each(["root-ca.pem", "root-ca.key"])(
    "makes everything under a CA anew when %s is gone",
    async (file) => {
      const directory = await tempDir();
      const before = await ensureDevPki(directory, today);
      await rm(join(directory, file));
      const after = await ensureDevPki(directory, today);
      expect(after.rootCaPem).not.toBe(before.rootCaPem);
      // Those two never hung on this root.
      expect(outcomes(after, "reused")).toEqual(["clients/stranger", "clients/self-signed"]);
    },
  );

  it("makes everything anew when the root has expired", async () => {
    const directory = await tempDir();
    const before = await ensureDevPki(directory, today);
    const after = await ensureDevPki(directory, inDays(3640));
    expect(after.rootCaPem).not.toBe(before.rootCaPem);
    expect(outcomes(after, "reused")).toEqual([]);
  });
});

describe("ensureDevPki, in a damaged directory", () => {
  const damages: [string, string, string | undefined, RegExp][] = [
    ["a certificate that is garbage", "clients/allowed.pem", "garbage", /no certificate/],
    ["half a certificate", "clients/allowed.pem", "-----BEGIN CERTIFICATE-----\nMIIB", /damaged/],
    ["a key that is garbage", "clients/allowed.key", "garbage", /damaged/],
    ["an empty key", "clients/allowed.key", "", /damaged/],
    ["a key that is gone", "clients/allowed.key", undefined, /key was gone/],
    ["a certificate that is gone", "clients/allowed.pem", undefined, /certificate was gone/],
  ];
  it.each(damages)("repairs %s and leaves the rest alone", async (_, file, text, why) => {
    const directory = await tempDir();
    await ensureDevPki(directory, today);
    await (text === undefined ? rm(join(directory, file)) : writeFile(join(directory, file), text));
    const after = await ensureDevPki(directory, today);
    expect(after.report.filter(({ outcome }) => outcome !== "reused")).toEqual([
      { name: "clients/allowed", outcome: "made", why: expect.stringMatching(why) },
    ]);
    expect(outcomes(await ensureDevPki(directory, today), "reused")).toHaveLength(after.report.length);
  });

  it("does not take one client's files for another's", async () => {
    const directory = await tempDir();
    const { clients } = await ensureDevPki(directory, today);
    for (const kind of ["certificateFile", "keyFile"] as const)
      await writeFile(clients.allowed[kind], await readFile(clients.unknown[kind]));
    const after = await ensureDevPki(directory, today);
    expect(outcomes(after, "made")).toEqual(["clients/allowed"]);
  });

  it("repairs a CRL that is garbage", async () => {
    const directory = await tempDir();
    const { crlFiles } = await ensureDevPki(directory, today);
    await writeFile(crlFiles[0] ?? "", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    const after = await ensureDevPki(directory, today);
    expect(outcomes(after, "renewed")).toEqual(["crl/root-ca"]);
  });

  it("takes a key back from group and others", async () => {
    const directory = await tempDir();
    const { serverKeyFile } = await ensureDevPki(directory, today);
    await chmod(serverKeyFile, 0o644);
    await ensureDevPki(directory, today);
    expect((await stat(serverKeyFile)).mode & 0o777).toBe(0o600);
  });

  it("names the file that it cannot use", async () => {
    const directory = await tempDir();
    await mkdir(join(directory, "server.key"));
    await expect(ensureDevPki(directory, today)).rejects.toThrow(
      `the dev PKI's file ${join(directory, "server.key")} cannot be read`,
    );
  });
});
