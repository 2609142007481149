import { GatewayError } from "../../kernel/errors.ts";
import type { ServerCertificateSource } from "../ports.ts";
import type { KeyVaultClient } from "./key-vault-client.ts";
import { serverCertificateFromPem, serverCertificateFromPkcs12 } from "./server-certificate-content.ts";

/**
 * The gateway's certificate from a Key Vault certificate. Its chain and its key stand in the secret of the same name,
 * as PKCS#12 (base64) or as PEM: the certificate's own endpoint gives the leaf only.
 */
export function keyVaultServerCertificate(
  vault: KeyVaultClient,
  certificate: string,
): ServerCertificateSource {
  const name = `certificate ${certificate} in ${vault.url}`;
  return {
    name,
    async fetch(signal) {
      const { value } = await vault.secret(certificate, signal);
      try {
        // The content decides, not its declared type: an imported secret carries whatever its writer put there.
        return value.includes("-----BEGIN ")
          ? serverCertificateFromPem(value, value)
          : await serverCertificateFromPkcs12(Buffer.from(value, "base64"));
      } catch (fault) {
        throw new GatewayError(
          "trust_unavailable",
          `${name} holds no usable server certificate; is its key exportable?`,
          { cause: fault },
        );
      }
    },
  };
}
