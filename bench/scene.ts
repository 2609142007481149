import {
  type Authority,
  createAuthority,
  createKeyPair,
  type IssuedCertificate,
} from "../src/dev/pki/authority.ts";
import {
  type ClientCertificateVerifier,
  createClientCertificateVerifier,
  type TrustFacts,
} from "../src/identity/client-certificate.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLogger } from "../src/kernel/logger.ts";
import { silentMetrics } from "../src/model/metrics.ts";
import type { PresentedChain } from "../src/model/presented-chain.ts";
import { parseCertificate } from "../src/pki/certificate.ts";
import { parseCrl } from "../src/pki/crl.ts";
import { createCrlIndex } from "../src/pki/revocation.ts";
import { defaultPathRules } from "../src/pki/verify-path.ts";

/** A root, an intermediate and clients, all ECDSA P-256, with current CRLs of both CAs. */
export interface Scene {
  readonly root: Authority;
  readonly intermediate: Authority;
  readonly facts: TrustFacts;
  readonly client: (subject: string) => Promise<IssuedCertificate>;
}

export async function createScene(): Promise<Scene> {
  const root = await createAuthority({ subject: "CN=Bench Root" });
  const intermediate = await createAuthority({ subject: "CN=Bench Intermediate", issuer: root });
  const crls = await Promise.all([root.crl(), intermediate.crl({ revoked: [{ serial: "0123" }] })]);
  // One key for all: making ten thousand is not what is measured.
  const keyPair = await createKeyPair();
  return {
    root,
    intermediate,
    client: (subject) => intermediate.issue({ subject, keyPair }),
    facts: {
      version: 1,
      anchors: [parseCertificate(root.certificate)],
      intermediates: [],
      revocation: { mode: "hard", graceMs: 0, crls: createCrlIndex(crls.map(({ der }) => parseCrl(der))) },
    },
  };
}

export const createVerifier = (facts: () => TrustFacts, cacheSize = 20_000): ClientCertificateVerifier =>
  createClientCertificateVerifier({
    clock: systemClock,
    rules: defaultPathRules,
    facts,
    log: silentLogger,
    metrics: silentMetrics,
    cacheSize,
  });

export const chainOf = ({ chain: [leaf, ...others] }: IssuedCertificate): PresentedChain => ({
  leaf: leaf as Uint8Array,
  others,
});
