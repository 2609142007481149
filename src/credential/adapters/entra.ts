import { getCACertificates } from "node:tls";
import type { AnswerWatch } from "./azure-identity.ts";
import { type IdentityFault, unreachable } from "./identity-fault.ts";

/** Which Entra issues the tokens. */
export interface EntraAuthority {
  /** e.g. `https://login.microsoftonline.us`. Absent: as the environment says (`AZURE_AUTHORITY_HOST`), else public. */
  readonly host?: string;
  /** An authority that Microsoft's own directory of authorities does not list, and so cannot vouch for. */
  readonly isCustom?: boolean;
  /** PEM of a private CA for its TLS certificate, beside the usual roots. */
  readonly ca?: string;
}

/**
 * How the SDK speaks to Entra. Its retries are off: they hold a caller through any Retry-After, and the keeper of the
 * token retries anyway.
 */
export const entraOptions = ({ host, isCustom, ca }: EntraAuthority, { policies }: AnswerWatch) => ({
  retryOptions: { maxRetries: 0 },
  additionalPolicies: policies,
  ...(host === undefined ? {} : { authorityHost: host }),
  ...(isCustom === true ? { disableInstanceDiscovery: true } : {}),
  ...(ca === undefined ? {} : { tlsOptions: { ca: [...getCACertificates("default"), ca] } }),
});

/** Entra's refusals by their number (`AADSTS...`), each with what to do. */
const refusals: Readonly<Record<string, string>> = {
  7000215: "the client secret is wrong; put the secret's value, not its id, where the configuration points",
  7000222:
    "the client secret has expired; make a new one for the app registration and put it where the configuration points",
  7000216: "the app registration wants a secret or a certificate; is the type of this credential right?",
  700016: "the tenant has no app with this client id; correct clientId or tenantId",
  90002: "there is no such tenant; correct tenantId, and cloud if the tenant is not in the public one",
  900023: "there is no such tenant; correct tenantId",
  700027:
    "the app registration does not know this certificate, or its key; upload the certificate to the app registration, or set sendCertificateChain where it trusts a subject and issuer",
  700024:
    "the signed assertion is not valid now; is this machine's clock right, and is the token file renewed?",
  70021:
    "the app has no federated identity credential for this token; add one with its issuer, subject and audience",
  700211: "the app has no federated identity credential for the token's issuer; correct its issuer",
  700212: "the app has no federated identity credential for the token's audience; correct its audience",
  700213:
    "the app has no federated identity credential for the token's subject; correct its subject (namespace and service account)",
  500011: "the tenant does not know what the token is asked for; correct scope or audience, and cloud",
  70011: "the scope is not valid; it ends with /.default",
  1002012: "the scope is not valid; it ends with /.default",
  53003: "a Conditional Access policy of the tenant forbids it; let this workload identity in",
  7000112: "the app is disabled in the tenant; enable its enterprise application",
  65001: "nobody has consented to the app's permission; an administrator of the tenant must",
  50105: "the app is not assigned to what the token is for; assign it, or switch off that it is required",
};

export function adviseOnEntra({ status, text }: IdentityFault): string {
  const code = /AADSTS(\d+)/.exec(text)?.[1];
  if (code !== undefined && Object.hasOwn(refusals, code)) return `${refusals[code]} (AADSTS${code})`;
  if (code !== undefined) return `Entra refuses it (AADSTS${code})`;
  if (/CERT|SELF_SIGNED|self-signed|unable to (?:get|verify)|ALTNAME/i.test(text))
    return "Entra's TLS certificate is not trusted; give a private authority's CA as cloud.caFile, and a TLS-inspecting proxy's with NODE_EXTRA_CA_CERTS";
  if (status === 429) return "Entra throttles; it is asked again after a pause";
  if (status !== undefined && status >= 500)
    return `Entra fails with status ${status}; it is asked again after a pause`;
  if (status === 400 || status === 401 || status === 403 || status === 404 || status === 410)
    return `Entra answers with status ${status}; are tenantId, clientId and cloud right?`;
  if (unreachable.test(text) || /endpoints_resolution_error|openid_config/i.test(text))
    return "Entra cannot be reached, or something else answers there; are name resolution, firewall and proxy (HTTPS_PROXY, NO_PROXY) right?";
  return "no token could be obtained";
}
