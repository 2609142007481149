import type { TrustFacts } from "../../src/identity/client-certificate.ts";
import type { IssuedCertificate, IssuedCrl } from "../../src/dev/pki/authority.ts";
import type { PresentedChain } from "../../src/model/presented-chain.ts";
import { parseCertificate } from "../../src/pki/certificate.ts";
import { parseCrl } from "../../src/pki/crl.ts";
import { createCrlIndex } from "../../src/pki/revocation.ts";
import type { TestPki } from "./test-pki.ts";

/** What a verifier rests on, out of a test's PKI. */
export function trustFactsOf(pki: TestPki, change: { version?: number; crls?: readonly IssuedCrl[] } = {}) {
  const { version = 1, crls = [pki.rootCrl, pki.intermediateCrl] } = change;
  const facts: TrustFacts = {
    version,
    anchors: [parseCertificate(pki.root.certificate)],
    intermediates: [],
    revocation: { mode: "hard", graceMs: 0, crls: createCrlIndex(crls.map(({ der }) => parseCrl(der))) },
  };
  return facts;
}

/** What a client with this certificate presents. */
export function chainOf({ chain }: IssuedCertificate): PresentedChain {
  const [leaf, ...others] = chain;
  if (leaf === undefined) throw new Error("the chain is empty");
  return { leaf, others };
}
