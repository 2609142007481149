import { GatewayError } from "../../kernel/errors.ts";
import { decodePemOrDer } from "../../pki/pem.ts";
import type { CertificateSource } from "../ports.ts";
import { readWholeFile } from "./read-file.ts";

/** A bundle of a few thousand certificates fits. */
const maxBytes = 16 * 1024 * 1024;

/** A file with one DER certificate, or one or several PEM certificates; read anew at each fetch. */
export function fileCertificates(path: string): CertificateSource {
  const name = `file ${path}`;
  return {
    name,
    async fetch(signal) {
      const bytes = await readWholeFile(path, { maxBytes, code: "trust_unavailable" }, signal);
      try {
        return decodePemOrDer(bytes, "CERTIFICATE");
      } catch (fault) {
        throw new GatewayError("trust_unavailable", `${name} holds no readable certificate`, {
          cause: fault,
        });
      }
    },
  };
}
