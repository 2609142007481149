import { onTestFinished } from "vitest";

import { type LocalAzure, type LocalAzureOptions, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { testPki } from "./test-pki.ts";

/** A local Azure with the test PKI's server certificate and one deployment, `gpt-test`; stopped when the test ends. */
export async function localAzure(options: Partial<LocalAzureOptions> = {}): Promise<LocalAzure> {
  const { server } = await testPki();
  const azure = await startLocalAzure({
    tls: { cert: server.chainPem, key: server.keyPem },
    deployments: { "gpt-test": "gpt-4o" },
    ...options,
  });
  onTestFinished(() => azure.stop());
  return azure;
}
