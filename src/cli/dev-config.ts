import { basename } from "node:path";
import type { LocalAzure } from "../dev/azure/local-azure.ts";
import type { DevPki } from "../dev/dev-pki.ts";

export interface DevPorts {
  readonly port: number;
  readonly adminPort: number;
}

/** Deployments of the local Azure OpenAI, and the model behind each. */
export const devDeployments = {
  "gpt-4o": "gpt-4o",
  "gpt-4o-mini": "gpt-4o-mini",
  "text-embedding-3-small": "text-embedding-3-small",
} as const;

/** Names of what the local vault holds. */
export const devVaultNames = { anchors: "device-root-cas", serverCertificate: "gateway-tls" } as const;

/**
 * The configuration that `certgate dev` runs on, written beside the PKI as an example and for `check` and `explain`.
 * Every client of the folder but `unknown` and `stranger` has an entry, so that each is refused for its certificate
 * and for nothing else.
 */
export function devConfig(pki: DevPki, azure: LocalAzure, { port, adminPort }: DevPorts): string {
  const client = (name: keyof DevPki["clients"], deployments: readonly string[]) =>
    `  ${name}:\n    thumbprints: ["${pki.clients[name].thumbprint}"]\n    deployments: [${deployments.join(", ")}]`;
  const allowed = ["gpt-4o", "text-embedding-3-small"];
  return `# Written by certgate dev at each start; changes are lost. Paths are relative to this file.
listen:
  host: 127.0.0.1
  port: ${port}
  certificate: { keyVault: local, certificate: ${devVaultNames.serverCertificate} }
admin:
  port: ${adminPort}

keyVaults:
  local:
    url: ${azure.keyVault.url}
    credential: gateway
    caFile: root-ca.pem
    # A local vault's host is not below vault.azure.net. Leave this out in front of a real one.
    verifyChallengeResource: false

credentials:
  gateway: { type: managed-identity }

trust:
  anchors:
    - { keyVault: local, secret: ${devVaultNames.anchors} }
  refreshSeconds: 30
  revocation:
    mode: hard
    crls:
${pki.crlFiles.map((file) => `      - { file: crl/${basename(file)} }`).join("\n")}
    refreshSeconds: 5

backends:
  local: { endpoint: "${azure.openAi.url}", credential: gateway, caFile: root-ca.pem }

deployments:
${Object.keys(devDeployments)
  .map((name) => `  ${name}: { backend: local }`)
  .join("\n")}

clients:
${client("allowed", allowed)}
${client("other", ["gpt-4o-mini"])}
${(["expired", "not-yet-valid", "revoked", "wrong-usage", "self-signed"] as const).map((name) => client(name, allowed)).join("\n")}

log: { level: info }
`;
}
