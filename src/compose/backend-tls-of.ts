import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { BackendConfig } from "../config/backend-schema.ts";
import { backendTls, type BackendTlsOptions } from "../forward/adapters/backend-tls.ts";
import { GatewayError } from "../kernel/errors.ts";
import { readCa } from "./origins.ts";

/**
 * What a backend's files hold.
 * @throws GatewayError `internal_error` when one cannot be read, or certificate and key do not belong together
 */
export async function backendTlsOf({ caFile, tls }: BackendConfig): Promise<BackendTlsOptions> {
  const ca = await readCa(caFile);
  const { clientCertificate: files, serverName } = tls;
  const identity = files === undefined ? undefined : await identityIn(files);
  const secureContext = backendTls({
    ...(ca === undefined ? {} : { ca }),
    ...(identity === undefined ? {} : { identity }),
  });
  return { secureContext, ...(serverName === undefined ? {} : { serverName }) };
}

async function identityIn({ file, keyFile }: { readonly file: string; readonly keyFile: string }) {
  try {
    const [cert, key] = await Promise.all([readFile(file, "utf8"), readFile(keyFile, "utf8")]);
    // OpenSSL compares the two; the first connection would be late to hear of it.
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    throw new GatewayError(
      "internal_error",
      `the client certificate in ${file} and its key in ${keyFile} cannot be used`,
      { cause },
    );
  }
}
