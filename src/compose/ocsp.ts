import type { Config } from "../config/schema.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import type { PathRules } from "../pki/verify-path.ts";
import { httpOcsp } from "../trust/adapters/http-ocsp.ts";
import { createOcspKeeper, type OcspKeeper } from "../trust/ocsp/ocsp-keeper.ts";

/** OCSP as the second source of revocation status, or undefined where it is off. */
export function composeOcsp(
  { mode, ocsp }: Config["trust"]["revocation"],
  rules: PathRules,
  clock: Clock,
  logger: Logger,
): { readonly keeper: OcspKeeper; readonly order: "first" | "last" } | undefined {
  if (mode === "off" || ocsp.mode === "off") return undefined;
  const { responderUrl, allowPrivateAddresses } = ocsp;
  const keeper = createOcspKeeper({
    clock,
    logger,
    // What the operator wrote may be anywhere; what a certificate says may not lead inside.
    transport: httpOcsp({
      reach: responderUrl !== undefined || allowPrivateAddresses ? "anywhere" : "public",
    }),
    rules,
    noncePolicy: ocsp.nonce,
    timeoutMs: ocsp.timeoutSeconds * 1000,
    maxAgeMs: ocsp.maxAgeSeconds * 1000,
    ...(responderUrl === undefined ? {} : { responderUrl }),
  });
  return { keeper, order: ocsp.mode === "before-crl" ? "first" : "last" };
}
