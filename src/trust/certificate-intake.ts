import { createHash } from "node:crypto";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { type Certificate, parseCertificate } from "../pki/certificate.ts";

/**
 * What a source gave, read. A certificate that cannot be read is left out and logged: it must not take its neighbours
 * with it, and it must not pass in silence.
 * @param held what the source gave before: a certificate that stays is the same object, with what was learnt about it
 * @throws GatewayError `trust_unavailable` when none can be read, so that the last good ones stay
 */
export function readCertificates(
  ders: readonly Uint8Array[],
  held: readonly Certificate[],
  source: string,
  logger: Logger,
): readonly Certificate[] {
  const known = new Map(held.map((certificate) => [certificate.sha256, certificate]));
  const read = new Map<string, Certificate>();
  for (const [index, der] of ders.entries()) {
    const sha256 = createHash("sha256").update(der).digest("hex");
    try {
      read.set(sha256, known.get(sha256) ?? parseCertificate(der));
    } catch (fault) {
      logger.error(
        { source, position: index + 1, sha256, reason: describeFault(fault) },
        "a certificate cannot be read and is left out",
      );
    }
  }
  if (read.size === 0)
    throw new GatewayError("trust_unavailable", `${source}: none of ${ders.length} certificates can be read`);
  return [...read.values()];
}
