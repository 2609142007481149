import { GatewayError } from "../../kernel/errors.ts";
import type { ServerCertificateSource } from "../ports.ts";
import { readWholeFile } from "./read-file.ts";
import { serverCertificateFromPem, serverCertificateFromPkcs12 } from "./server-certificate-content.ts";

export interface FileServerCertificateOptions {
  /** A PEM chain, or a PKCS#12 file. */
  readonly file: string;
  /** The PEM private key. Default: it stands in `file`. */
  readonly keyFile?: string;
  /** Of the PKCS#12 file. Default: none. ASCII only: node-forge spells other letters as no other tool does. */
  readonly passphrase?: string;
}

const limits = { maxBytes: 1024 * 1024, code: "trust_unavailable" } as const;

/** The gateway's certificate from files, read anew at each fetch. */
export function fileServerCertificate(options: FileServerCertificateOptions): ServerCertificateSource {
  const { file, keyFile, passphrase } = options;
  const name = `file ${file}`;
  return {
    name,
    async fetch(signal) {
      const bytes = await readWholeFile(file, limits, signal);
      const key = keyFile === undefined ? bytes : await readWholeFile(keyFile, limits, signal);
      try {
        // DER, and so PKCS#12, begins with a SEQUENCE; PEM is text.
        return bytes[0] === 0x30
          ? await serverCertificateFromPkcs12(bytes, passphrase)
          : serverCertificateFromPem(bytes.toString("latin1"), key.toString("latin1"));
      } catch (fault) {
        throw new GatewayError("trust_unavailable", `${name} holds no usable server certificate`, {
          cause: fault,
        });
      }
    },
  };
}
