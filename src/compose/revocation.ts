import type { Config } from "../config/schema.ts";
import type { CallerFacts } from "../gateway/caller.ts";
import type { RevocationPolicy } from "../pki/revocation.ts";
import type { OcspKeeper } from "../trust/ocsp/ocsp-keeper.ts";
import type { TrustStore } from "../trust/trust-store.ts";

type RevocationConfig = Config["trust"]["revocation"];

/** What the configuration says about how revocation counts; the data comes from the trust store and OCSP. */
export function revocationRules({
  mode,
  graceSeconds = 0,
  maxCrlAgeSeconds,
  crlWithoutNextUpdate,
}: RevocationConfig): Omit<RevocationPolicy, "crls" | "other"> {
  return {
    mode,
    graceMs: graceSeconds * 1000,
    crlWithoutNextUpdate,
    ...(maxCrlAgeSeconds === undefined ? {} : { maxCrlAgeMs: maxCrlAgeSeconds * 1000 }),
  };
}

/** Whether CRLs are fetched from where certificates say. */
export const followsPoints = ({ mode, distributionPoints }: RevocationConfig): boolean =>
  mode !== "off" && distributionPoints.enabled;

/** Whether a certificate's status may become known that no configured CRL source tells. */
export const asksAtNeed = (revocation: RevocationConfig): boolean =>
  followsPoints(revocation) || (revocation.mode !== "off" && revocation.ocsp.mode !== "off");

/** What a decision lacked, from everywhere that is allowed, at the same time. */
export const missingFetcher =
  (store: TrustStore, ocsp: OcspKeeper | undefined): CallerFacts["fetchMissing"] =>
  async (missing) => {
    const urls = missing.flatMap(({ crlUrls }) => crlUrls);
    const news = await Promise.all([store.fetchCrls(urls), ocsp?.fetch(missing) ?? false]);
    return news.includes(true);
  };
