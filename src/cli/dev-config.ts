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

/** Names of the two configurations that are written beside the PKI. */
export const devConfigFiles = { own: "certgate-dev.yaml", offline: "certgate.yaml" } as const;

const headers = {
  own: "What certgate dev runs on. Written at each start; changes are lost.",
  offline: `As ${devConfigFiles.own}, but with the root CA from its file, so that explain needs no local Azure.`,
} as const;

/**
 * The configuration that `certgate dev` runs on (`own`), or the same for `certgate explain` (`offline`): another process
 * does not know where the local managed identity is, and so cannot ask the local vault.
 * Every client of the folder but `unknown` and `stranger` has an entry, so that each is refused for its certificate
 * and for nothing else.
 */
export function devConfig(
  pki: DevPki,
  azure: LocalAzure,
  { port, adminPort }: DevPorts,
  purpose: keyof typeof devConfigFiles,
): string {
  const client = (name: keyof DevPki["clients"], deployments: readonly string[]) =>
    `  ${name}:\n    thumbprints: ["${pki.clients[name].thumbprint}"]\n    deployments: [${deployments.join(", ")}]`;
  const allowed = ["gpt-4o", "text-embedding-3-small"];
  const anchor =
    purpose === "own" ? `{ keyVault: local, secret: ${devVaultNames.anchors} }` : "{ file: root-ca.pem }";
  return `# ${headers[purpose]} Paths are relative to this file.
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
    - ${anchor}
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
