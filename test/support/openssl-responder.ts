import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Authority, IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { parseCertificate } from "../../src/pki/certificate.ts";
import { certIdOf } from "../../src/pki/ocsp-cert-id.ts";
import { encodeOcspRequest } from "../../src/pki/ocsp-request.ts";
import { httpOcsp } from "../../src/trust/adapters/http-ocsp.ts";

/** A certificate of the index; who is not in it is unknown. */
export interface IndexEntry {
  readonly certificate: IssuedCertificate;
  readonly revoked?: { readonly at: Date; readonly reason?: string };
}

export interface OpensslResponder {
  readonly url: string;
  /** Replaces what the responder knows. */
  know(entries: readonly IndexEntry[]): Promise<void>;
  stop(): Promise<void>;
}

/** The version that is installed, or undefined: tests of a real responder are skipped then. */
export function opensslVersion(): string | undefined {
  const { status, stdout } = spawnSync("openssl", ["version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Runs `openssl ocsp`, OpenSSL's own responder, on a free port.
 * @param signer default: the CA itself
 * @param args more of its options, such as `-nmin 5`
 */
export async function startOpensslResponder(
  ca: Authority,
  entries: readonly IndexEntry[],
  { signer, args = [] }: { readonly signer?: IssuedCertificate; readonly args?: readonly string[] } = {},
): Promise<OpensslResponder> {
  const directory = await mkdtemp(join(tmpdir(), "certgate-ocsp-"));
  const path = (name: string) => join(directory, name);
  const know = async (known: readonly IndexEntry[]) => {
    await writeFile(path("next.txt"), known.map(indexLine).join(""));
    await rename(path("next.txt"), path("index.txt"));
  };
  await know(entries);
  await writeFile(path("ca.pem"), ca.pem);
  await writeFile(path("signer.pem"), (signer ?? ca).pem);
  await writeFile(path("signer.key"), (signer ?? ca).keyPem, { mode: 0o600 });
  const files = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"];
  const child = spawn("openssl", ["ocsp", "-port", "0", ...files, ...args], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A set-up that fails stops nothing: the responder must not outlive the test run.
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const port = await portOf(child);
  const itself = parseCertificate(ca.certificate);
  const anyRequest = encodeOcspRequest(certIdOf(itself, itself, "sha1"), Buffer.alloc(32));
  const url = `http://127.0.0.1:${port}/`;
  return {
    url,
    async know(known) {
      await know(known);
      // It looks for a new index between requests, when the next one is accepted already.
      for (let requests = 0; requests < 2; requests += 1)
        await httpOcsp({ reach: "anywhere" }).post(url, anyRequest, AbortSignal.timeout(5_000));
    },
    async stop() {
      const closed = once(child, "close");
      kill();
      await closed;
      process.off("exit", kill);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  const told: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream! }).on("line", (line) => {
      told.push(line);
      const port = /^ACCEPT .*:(\d+)\b/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  child.once("close", () => reject(new Error(`openssl ocsp ended: ${told.join("\n")}`)));
  return promise;
}

/** One line of a CA's database, as `openssl ca` writes it. */
function indexLine({ certificate, revoked }: IndexEntry): string {
  const serial = certificate.serial.toUpperCase();
  const fields = [
    revoked === undefined ? "V" : "R",
    utc(certificate.notAfter),
    revoked === undefined ? "" : [utc(revoked.at), revoked.reason].filter(Boolean).join(","),
    serial.padStart(serial.length + (serial.length % 2), "0"),
    "unknown",
    // Subjects must differ, or the whole index is refused.
    `/CN=${serial}`,
  ];
  return `${fields.join("\t")}\n`;
}

const utc = (at: Date): string => `${at.toISOString().replace(/\D/g, "").slice(2, 14)}Z`;
