import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { describeFault } from "../../src/kernel/errors.ts";
import { parseCertificate } from "../../src/pki/certificate.ts";
import type { OcspAnswer } from "../../src/pki/ocsp-check.ts";
import { defaultPathRules } from "../../src/pki/verify-path.ts";
import { httpOcsp } from "../../src/trust/adapters/http-ocsp.ts";
import { type AskingOptions, askResponder } from "../../src/trust/ocsp/ask-responder.ts";
import type { OcspTransport } from "../../src/trust/ocsp/ocsp-transport.ts";
import { type IndexEntry, opensslVersion, startOpensslResponder } from "../support/openssl-responder.ts";
import { noCheck } from "../support/ocsp-responses.ts";

const minute = 60_000;
let ca: Authority;
let other: Authority;
let leaf: IssuedCertificate;

beforeAll(async () => {
  const root = await createAuthority({ subject: "CN=Root" });
  ca = await createAuthority({ subject: "O=Plant, CN=CA", issuer: root });
  other = await createAuthority({ subject: "CN=Other CA", issuer: root });
  leaf = await ca.issue({ subject: "CN=robot" });
});

interface Scene {
  readonly entries?: readonly IndexEntry[];
  readonly signer?: IssuedCertificate;
  readonly args?: readonly string[];
  readonly asking?: Partial<AskingOptions>;
}

/** What we make of the answer of a real responder about `leaf`; or the sentence why it does not count. */
async function ask({ entries = [{ certificate: leaf }], asking, ...scene }: Scene = {}): Promise<
  OcspAnswer | string
> {
  const responder = await startOpensslResponder(ca, entries, scene);
  onTestFinished(() => responder.stop());
  const options: AskingOptions = {
    clock: systemClock,
    transport: httpOcsp({ reach: "anywhere" }),
    responderUrl: responder.url,
    noncePolicy: "required",
    timeoutMs: 5_000,
    maxAgeMs: 10 * minute,
    rules: defaultPathRules,
    ...asking,
  };
  const [certificate, issuer] = [leaf, ca].map((one) => parseCertificate(one.certificate)) as [never, never];
  return askResponder(certificate, issuer, options, new AbortController().signal).catch(describeFault);
}

const responderOf = (issuer: Authority, options: object = {}) =>
  issuer.issue({
    subject: "CN=Responder",
    extendedKeyUsage: ["ocspSigning"],
    extraExtensions: [noCheck],
    ...options,
  });

const clockAt = (ms: number): Clock => ({ ...systemClock, now: () => ms });

// OpenSSL is no dependency of the project: where it is not installed, there is nothing to prove against.
describe.skipIf(opensslVersion() === undefined)(`OpenSSL's responder (${opensslVersion()})`, () => {
  it("says good, signed by the CA, with our nonce", async () => {
    expect(await ask()).toMatchObject({ status: "good" });
  });

  it("says revoked, with time and reason", async () => {
    const at = new Date(Math.floor(Date.now() / 1000) * 1000 - 5 * minute);
    const entries = [{ certificate: leaf, revoked: { at, reason: "keyCompromise" } }];
    expect(await ask({ entries })).toMatchObject({
      status: "revoked",
      revokedAt: at.getTime(),
      reason: "keyCompromise",
    });
  });

  it("says unknown about what is not in its index", async () => {
    expect(await ask({ entries: [] })).toMatchObject({ status: "unknown" });
  });

  it("counts through a responder that the CA certified for it, by name and by key", async () => {
    const signer = await responderOf(ca);
    expect(await ask({ signer })).toMatchObject({ status: "good" });
    expect(await ask({ signer, args: ["-resp_key_id"] })).toMatchObject({ status: "good" });
  });

  it.each(["rsa-2048", "ec-p384", "ed25519"] as const)(
    "counts with a responder's key of the kind %s",
    async (keyAlgorithm) => {
      expect(await ask({ signer: await responderOf(ca, { keyAlgorithm }) })).toMatchObject({
        status: "good",
      });
    },
  );

  it("does not count through a responder without nocheck, without the purpose, or of another CA", async () => {
    const sentences = await Promise.all(
      [
        await responderOf(ca, { extraExtensions: [] }),
        await responderOf(ca, { extendedKeyUsage: ["clientAuth"] }),
        await responderOf(other),
        other,
      ].map((signer) => ask({ signer })),
    );
    expect(sentences).toEqual([
      expect.stringMatching(/nocheck/),
      expect.stringMatching(/id-kp-OCSPSigning/),
      expect.stringMatching(/not certified by the certificate's own issuer/),
      expect.stringMatching(/not certified by the certificate's own issuer/),
    ]);
  });

  it("does not count when the responder's certificate has expired", async () => {
    const signer = await responderOf(ca, { notAfter: new Date(Date.now() - minute) });
    expect(await ask({ signer })).toMatch(/expired/);
  });

  it("does not count when its signature is damaged, or made with SHA-1", async () => {
    expect(await ask({ args: ["-badsig"] })).toMatch(/signature is not the one/);
    expect(await ask({ args: ["-rmd", "sha1"] })).toMatch(/algorithm/);
  });

  it("does not count when somebody on the way asks with another nonce", async () => {
    const real = httpOcsp({ reach: "anywhere" });
    const transport: OcspTransport = {
      post(url, request, signal) {
        const changed = Buffer.from(request);
        changed[changed.length - 1]! ^= 1;
        return real.post(url, changed, signal);
      },
    };
    expect(await ask({ asking: { transport } })).toMatch(/another nonce/);
    expect(await ask({ asking: { transport, noncePolicy: "when-echoed" } })).toMatch(/another nonce/);
  });

  it("counts no longer than its nextUpdate and the five minutes for clocks", async () => {
    const args = ["-nmin", "2"];
    const inTime = await ask({ args, asking: { clock: clockAt(Date.now() + 6 * minute) } });
    expect(inTime).toMatchObject({ status: "good" });
    const late = await ask({ args, asking: { clock: clockAt(Date.now() + 8 * minute) } });
    expect(late).toMatch(/ended at/);
  });

  it("counts no longer than the largest age where it names no nextUpdate", async () => {
    const late = await ask({ asking: { clock: clockAt(Date.now() + 11 * minute) } });
    expect(late).toMatch(/too old/);
  });

  it("does not count before its time", async () => {
    expect(await ask({ asking: { clock: clockAt(Date.now() - 6 * minute) } })).toMatch(/not valid before/);
  });
});
