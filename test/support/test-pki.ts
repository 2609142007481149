import {
  type Authority,
  createAuthority,
  type IssuedCertificate,
  type IssuedCrl,
} from "../../src/dev/pki/authority.ts";

/** A root, an intermediate, a server for localhost, a client, and a current CRL of each authority. */
export interface TestPki {
  readonly root: Authority;
  readonly intermediate: Authority;
  readonly server: IssuedCertificate;
  readonly client: IssuedCertificate;
  readonly rootCrl: IssuedCrl;
  readonly intermediateCrl: IssuedCrl;
}

let shared: Promise<TestPki> | undefined;

/** One PKI a test file: made at the first call, then the same one. It is frozen, so no test can bend another's. */
export const testPki = (): Promise<TestPki> => (shared ??= createTestPki());

/** A PKI of one's own. */
export async function createTestPki(label = "Test"): Promise<TestPki> {
  const root = await createAuthority({ subject: `CN=${label} Root CA` });
  const intermediate = await createAuthority({ subject: `CN=${label} Intermediate CA`, issuer: root });
  const [server, client, rootCrl, intermediateCrl] = await Promise.all([
    intermediate.issue({
      subject: "CN=localhost",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ],
    }),
    intermediate.issue({ subject: "CN=device-1" }),
    root.crl(),
    intermediate.crl(),
  ]);
  return Object.freeze({ root, intermediate, server, client, rootCrl, intermediateCrl });
}
