import { createHash, createPrivateKey, randomBytes, X509Certificate } from "node:crypto";

import { decodePem } from "../../../pki/pem.ts";
import { toPkcs12 } from "../../pki/pkcs12.ts";

/** A certificate with its key, to be kept as Key Vault keeps it: the leaf beside a secret with everything. */
export interface VaultCertificate {
  /** PEM: leaf, then intermediates. */
  readonly chainPem: string;
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** Format of the secret; default PKCS#12. */
  readonly contentType?: "application/x-pkcs12" | "application/x-pem-file";
}

export interface VaultSecret {
  readonly value: string;
  readonly contentType?: string;
  /** Informational, as in Azure: a secret is served outside of these dates too. */
  readonly notBefore?: Date;
  readonly expiresOn?: Date;
}

/** One version of an object. */
export interface SecretVersion extends VaultSecret {
  readonly version: string;
  readonly created: number;
  enabled: boolean;
}

export interface CertificateVersion {
  readonly version: string;
  readonly created: number;
  readonly leaf: X509Certificate;
  /** SHA-1 of the leaf's DER, base64url. */
  readonly x5t: string;
  readonly contentType: string;
  enabled: boolean;
}

/** What the vault holds; each `set` is a new version, and the last is the current one. */
export class VaultContents {
  readonly #now: () => number;
  readonly #certificates = new Map<string, CertificateVersion[]>();
  readonly #secrets = new Map<string, SecretVersion[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns the new version. */
  setCertificate(name: string, certificate: VaultCertificate): string {
    const { chainPem, keyPem, contentType = "application/x-pkcs12" } = certificate;
    const chain = decodePem(chainPem, "CERTIFICATE");
    const [der] = chain;
    if (der === undefined) throw new Error(`no certificate in the PEM for ${name}`);
    const value =
      contentType === "application/x-pkcs12"
        ? toPkcs12({ chain, privateKey: createPrivateKey(keyPem) }).toString("base64")
        : keyPem + chainPem;
    const version = this.setSecret(name, { value, contentType });
    push(this.#certificates, name, {
      version,
      created: this.#now(),
      leaf: new X509Certificate(der),
      x5t: createHash("sha1").update(der).digest("base64url"),
      contentType,
      enabled: true,
    });
    return version;
  }

  /** @returns the new version. */
  setSecret(name: string, secret: VaultSecret): string {
    const version = randomBytes(16).toString("hex");
    push(this.#secrets, name, { ...secret, version, created: this.#now(), enabled: true });
    return version;
  }

  /** Switches the current version of a certificate, a secret or both. */
  setEnabled(name: string, enabled: boolean): void {
    const [certificate, secret] = [this.certificate(name), this.secret(name)];
    if (certificate === undefined && secret === undefined) throw new Error(`the vault has no ${name}`);
    if (certificate !== undefined) certificate.enabled = enabled;
    if (secret !== undefined) secret.enabled = enabled;
  }

  delete(name: string): void {
    this.#certificates.delete(name);
    this.#secrets.delete(name);
  }

  /** Without a version: the current one. */
  certificate(name: string, version?: string): CertificateVersion | undefined {
    return find(this.#certificates.get(name), version);
  }

  secret(name: string, version?: string): SecretVersion | undefined {
    return find(this.#secrets.get(name), version);
  }

  certificateVersions(name: string): readonly CertificateVersion[] {
    return this.#certificates.get(name) ?? [];
  }

  secretVersions(name: string): readonly SecretVersion[] {
    return this.#secrets.get(name) ?? [];
  }
}

const find = <T extends { readonly version: string }>(versions: readonly T[] | undefined, version?: string) =>
  version === undefined ? versions?.at(-1) : versions?.find((one) => one.version === version);

function push<T>(map: Map<string, T[]>, name: string, value: T): void {
  const versions = map.get(name) ?? [];
  versions.push(value);
  map.set(name, versions);
}
