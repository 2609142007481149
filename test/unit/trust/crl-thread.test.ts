import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCrl } from "../../../src/dev/pki/authority.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { parseCrl, reviveCrl } from "../../../src/pki/crl.ts";
import { createCrlReader } from "../../../src/trust/crl-reader.ts";
import { CrlThread, type CrlThreadOptions } from "../../../src/trust/crl-thread.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let authority: Authority;
let other: Authority;
let crl: IssuedCrl;
const threads: { stop(): void }[] = [];

beforeAll(async () => {
  authority = await createAuthority({ subject: "CN=CA" });
  other = await createAuthority({ subject: "CN=Other CA" });
  crl = await authority.crl({ revoked: [{ serial: "0a", reason: "keyCompromise" }, { serial: "0b" }] });
});
afterEach(() => {
  for (const thread of threads.splice(0)) thread.stop();
});

const clock = () => new ManualClock(Date.now());
function startThread(options: Partial<CrlThreadOptions> = {}): CrlThread {
  const thread = new CrlThread({ clock: clock(), ...options });
  threads.push(thread);
  return thread;
}
const keyOf = ({ certificate }: Authority) => parseCertificate(certificate).publicKey;
/** A worker's program that does something else. */
const program = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

describe("the CRL thread", () => {
  it("makes the index that this thread would make, for a CRL that is then revived without a look at its entries", async () => {
    const index = await startThread().run("index", crl.der);
    expect(index).toEqual(parseCrl(crl.der).entryIndex);
    const revived = reviveCrl(crl.der, index);
    const { issuer } = parseCrl(crl.der);
    expect(revived.entryCount).toBe(2);
    expect(revived.lookup({ issuer, serial: Buffer.of(10) })?.reason).toBe("keyCompromise");
    expect(revived.lookup({ issuer, serial: Buffer.of(12) })).toBeUndefined();
  });

  it("says whose signature a CRL carries", async () => {
    const thread = startThread();
    expect(await thread.run("verify", crl.der, keyOf(authority).der)).toBe(true);
    expect(await thread.run("verify", crl.der, keyOf(other).der)).toBe(false);
  });

  it("decodes PEM into memory that both threads see", async () => {
    const [der] = await startThread().run("decode", Buffer.from(crl.pem));
    expect(Buffer.compare(der!, crl.der)).toBe(0);
    expect(der!.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("decodes a file of PEM or DER into memory that both threads see, and tells what it held", async () => {
    const folder = await mkdtemp(join(tmpdir(), "certgate-crl-"));
    try {
      for (const content of [crl.pem, crl.der]) {
        await writeFile(join(folder, "ca.crl"), content);
        await using file = await open(join(folder, "ca.crl"));
        const [der] = await startThread().run("decodeFile", file.fd, content.length);
        expect(Buffer.compare(der!, crl.der)).toBe(0);
        expect(der!.buffer).toBeInstanceOf(SharedArrayBuffer);
        expect(await startThread().run("fingerprintFile", file.fd, content.length)).toBe(
          createHash("sha256").update(content).digest("hex"),
        );
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("rejects what is at fault with the reader's own sentence, and goes on", async () => {
    const thread = startThread();
    await expect(thread.run("index", crl.der.subarray(0, 50))).rejects.toThrow(/^CRL: /);
    expect(await thread.run("fingerprint", crl.der)).toMatch(/^[0-9a-f]{64}$/);
  });

  it("is started by the first work, and ends when there was none for a while", async () => {
    const time = clock();
    const thread = startThread({ clock: time, idleMs: 5000 });
    expect(thread.isRunning).toBe(false);
    await thread.run("fingerprint", crl.der);
    await time.advance(4999);
    expect(thread.isRunning).toBe(true);
    await time.advance(1);
    expect(thread.isRunning).toBe(false);
    expect(await thread.run("fingerprint", crl.der)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.runIf(process.platform === "linux")(
    "leaves a core that requests need to them: it alone has a lower priority",
    async () => {
      const tasks = () => readdirSync("/proc/self/task");
      const [before, own] = [tasks(), getPriority(process.pid)];
      await startThread().run("fingerprint", crl.der);
      const started = tasks().filter((id) => !before.includes(id));
      expect(started.filter((id) => getPriority(Number(id)) === own + 5)).toHaveLength(1);
      expect(getPriority(process.pid)).toBe(own);
    },
  );

  it("fails what it was asked when it dies, and only that", async () => {
    const thread = startThread({ program: program("throw new Error('out of memory')") });
    await expect(thread.run("fingerprint", crl.der)).rejects.toThrow(/the CRL thread died/);
    expect(thread.isRunning).toBe(false);
    await expect(thread.run("fingerprint", crl.der)).rejects.toThrow(/the CRL thread died/);
  });

  it("fails what it was asked when it exits without a word", async () => {
    const thread = startThread({ program: program("process.exit(0)") });
    await expect(thread.run("fingerprint", crl.der)).rejects.toThrow(/the CRL thread ended/);
  });

  it("is ended when it takes too long", async () => {
    const time = clock();
    const silent = program("setInterval(() => {}, 1000)");
    const thread = startThread({ clock: time, timeoutMs: 1000, program: silent });
    const work = thread.run("fingerprint", crl.der);
    await Promise.all([expect(work).rejects.toThrow(/longer than 1000 ms/), time.advance(1000)]);
    expect(thread.isRunning).toBe(false);
  });
});

describe("a CRL reader", () => {
  const readLarge = () => {
    const reader = createCrlReader({ clock: clock(), largeFrom: 1 });
    threads.push(reader);
    return reader;
  };

  it("reads a large CRL as a small one, its signature included", async () => {
    const reader = readLarge();
    const read = await reader.parse(crl.der);
    expect([read.issuer.text, read.entryCount, read.nextUpdate]).toEqual([
      "CN=CA",
      2,
      parseCrl(crl.der).nextUpdate,
    ]);
    expect(read.knownSignatureBy(keyOf(authority))).toBeUndefined();
    await reader.verify(read, [keyOf(authority), keyOf(other)]);
    expect(read.knownSignatureBy(keyOf(authority))).toBe(true);
    expect(read.knownSignatureBy(keyOf(other))).toBe(false);
    expect(read.knownSigners.map(({ id }) => id)).toEqual([keyOf(authority).id]);
  });

  it("refuses a damaged large CRL", async () => {
    await expect(readLarge().parse(crl.der.subarray(0, 60))).rejects.toThrow(/^CRL: /);
  });

  it("reads an indirect CRL's other issuers from an index that was handed over", async () => {
    const indirect = await createAuthority({ subject: "CN=Indirect" });
    const issuer = Buffer.concat([Buffer.of(0xa4, other.name.length), other.name]);
    const { der } = await indirect.crl({
      revoked: [
        {
          serial: "0c",
          extraExtensions: [
            {
              oid: "2.5.29.29",
              critical: true,
              value: Buffer.concat([Buffer.of(0x30, issuer.length), issuer]),
            },
          ],
        },
      ],
      // IssuingDistributionPoint { indirectCRL TRUE }
      extraExtensions: [{ oid: "2.5.29.28", critical: true, value: Buffer.from("30038401ff", "hex") }],
    });
    const read = await readLarge().parse(der);
    const { subject } = parseCertificate(other.certificate);
    expect(read.lookup({ issuer: subject, serial: Buffer.of(12) })).toBeDefined();
    expect(read.lookup({ issuer: read.issuer, serial: Buffer.of(12) })).toBeUndefined();
  });
});
