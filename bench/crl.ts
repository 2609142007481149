import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildBeside } from "../scripts/build.ts";
import { createAuthority } from "../src/dev/pki/authority.ts";
import { toPem } from "../src/dev/pki/pem.ts";
import { makeLargeCrl } from "./large-crl.ts";
import type { Measurement } from "./measurement.ts";

const run = promisify(execFile);

/** CRLs of several sizes, each loaded and replaced by the built program in a process of its own, so that its memory is its own. */
export async function benchCrls(quick: boolean): Promise<Measurement[]> {
  const folder = await mkdtemp(join(tmpdir(), "certgate-bench-"));
  try {
    const program = join(folder, "program");
    await buildBeside(program, { "crl-load": "bench/crl-load.ts" });
    const authority = await createAuthority({ subject: "CN=Bench CA" });
    await writeFile(join(folder, "ca.der"), authority.certificate);
    const measurements: Measurement[] = [];
    for (const count of quick ? [1000, 10_000] : [1000, 100_000, 1_000_000])
      for (const form of count >= 1_000_000 ? ["DER", "PEM"] : ["DER"]) {
        for (const number of [1, 2]) {
          const { der, serials } = await makeLargeCrl(authority, count, number);
          const content = form === "PEM" ? toPem("X509 CRL", Buffer.from(der)) : der;
          await writeFile(join(folder, `${number}.crl`), content);
          await writeFile(join(folder, `${number}.serials`), Buffer.concat(serials));
        }
        const words = ["--expose-gc", join(program, "dist/crl-load.js"), folder];
        const { stdout } = await run(process.execPath, words);
        for (const { what, values } of JSON.parse(stdout) as Measurement[])
          measurements.push({ what: `CRL of ${count} entries (${form}), ${what}`, values });
      }
    return measurements;
  } finally {
    await rm(folder, { recursive: true });
  }
}
