import { decodePem } from "../../pki/pem.ts";
import type { CertificateSource } from "../ports.ts";
import type { KeyVaultClient } from "./key-vault-client.ts";
import { unusableVaultItem } from "./key-vault-fault.ts";

/** A certificate that was imported into, or made by, the vault. */
export function keyVaultCertificate(vault: KeyVaultClient, certificate: string): CertificateSource {
  return {
    name: `certificate ${certificate} in ${vault.url}`,
    fetch: async (signal) => [await vault.certificate(certificate, signal)],
  };
}

/**
 * A secret with one or several PEM certificates: how a public root is kept, because a vault imports no certificate
 * without its key.
 */
export function keyVaultSecretCertificates(vault: KeyVaultClient, secret: string): CertificateSource {
  const name = `secret ${secret} in ${vault.url}`;
  return {
    name,
    async fetch(signal) {
      const { value } = await vault.secret(secret, signal);
      const certificates = readPem(name, value);
      if (certificates.length === 0) throw unusableVaultItem(name, "holds no PEM CERTIFICATE block");
      return certificates;
    },
  };
}

function readPem(name: string, text: string): Uint8Array[] {
  try {
    return decodePem(text, "CERTIFICATE");
  } catch (fault) {
    throw unusableVaultItem(name, `is damaged: ${fault instanceof Error ? fault.message : "no PEM"}`);
  }
}
