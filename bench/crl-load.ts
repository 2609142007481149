import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLogger } from "../src/kernel/logger.ts";
import { fileCertificates } from "../src/trust/adapters/file-certificates.ts";
import { fileCrls } from "../src/trust/adapters/file-crls.ts";
import { createCrlReader } from "../src/trust/crl-reader.ts";
import { createTrustStore } from "../src/trust/trust-store.ts";
import { type Measurement, rounded, watchStalls } from "./measurement.ts";

/**
 * The program that `crl.ts` builds, and starts once a size: loads a CRL as the gateway does, looks up in it, replaces it.
 * Built like the gateway, because a thread that has to strip types first takes longer to start.
 */
const [, , folder = ""] = process.argv;

const file = join(folder, "current.crl");
const mb = (bytes: number) => rounded(bytes / 1e6);
const collect = () => (globalThis as { gc?: () => void }).gc?.();

const reader = createCrlReader({ clock: systemClock });
const store = createTrustStore({
  clock: systemClock,
  logger: silentLogger,
  anchors: [fileCertificates(join(folder, "ca.der"))],
  crls: [fileCrls(file, reader)],
  crlReader: reader,
  refreshMs: 3_600_000,
  maxStaleMs: 3_600_000,
  crlRefreshMs: 3_600_000,
});

async function load(what: string, number: number, run: () => Promise<void>): Promise<Measurement> {
  await copyFile(join(folder, `${number}.crl`), file);
  collect();
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const stalls = watchStalls();
  const start = performance.now();
  await run();
  const ms = performance.now() - start;
  const stall = stalls();
  clearInterval(sampler);
  peak = Math.max(peak, process.memoryUsage.rss());
  const [crl] = store.current().crls.crls;
  if (crl?.crlNumber !== BigInt(number)) throw new Error("the CRL was not taken");
  // Where the CA became known after its CRL, the signature is checked afterwards, in the thread still.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [anchor] = store.current().anchors;
  if (anchor === undefined || crl.knownSignatureBy(anchor.publicKey) !== true)
    throw new Error("the first decision would have to check the CRL's signature");
  reader.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  collect();
  return {
    what,
    values: {
      ms: rounded(ms),
      "MB more at its peak": mb(peak - before),
      "MB more afterwards": mb(process.memoryUsage.rss() - before),
      ...stall,
    },
  };
}

const measurements = [await load("loaded", 1, () => store.start())];
measurements.push(await lookups());
measurements.push(await load("replaced", 2, () => store.refresh()));
store.stop();
process.stdout.write(JSON.stringify(measurements));

async function lookups(): Promise<Measurement> {
  const packed = await readFile(join(folder, "1.serials"));
  const [crl] = store.current().crls.crls;
  if (crl === undefined) throw new Error("no CRL");
  const { issuer } = crl;
  const serials = Array.from({ length: packed.length / 16 }, (_, i) => packed.subarray(i * 16, i * 16 + 16));
  const absent = serials.map((serial) => Uint8Array.from(serial, (octet) => octet ^ 0x15));
  const time = (list: readonly Uint8Array[], found: boolean) => {
    let hits = 0;
    const start = performance.now();
    for (const serial of list) if (crl.lookup({ issuer, serial }) !== undefined) hits += 1;
    const µs = ((performance.now() - start) * 1000) / list.length;
    if (hits !== (found ? list.length : 0)) throw new Error(`${hits} serial numbers were found`);
    return rounded(µs);
  };
  time(serials, true);
  return {
    what: "lookup",
    values: { "µs revoked": time(serials, true), "µs not revoked": time(absent, false) },
  };
}
