import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import type { BackendConfig } from "../config/backend-schema.ts";
import { backendTls, type BackendTlsOptions } from "../forward/adapters/backend-tls.ts";
import { GatewayError } from "../kernel/errors.ts";
import { readCa } from "./origins.ts";

/**
 * What a backend's files hold.
 * @param made those of the backends before: a context with some hundred roots is 1.3 MB, and most backends share theirs
 * @throws GatewayError `internal_error` when one cannot be read, or certificate and key do not belong together
 */
export async function backendTlsOf(
  { caFile, tls }: BackendConfig,
  made: Map<string, SecureContext>,
): Promise<BackendTlsOptions> {
  const ca = await readCa(caFile);
  const { clientCertificate: files, serverName } = tls;
  const identity = files === undefined ? undefined : await identityIn(files);
  const material = JSON.stringify([ca, identity]);
  const secureContext =
    made.get(material) ??
    backendTls({
      ...(ca === undefined ? {} : { ca }),
      ...(identity === undefined ? {} : { identity }),
    });
  made.set(material, secureContext);
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
