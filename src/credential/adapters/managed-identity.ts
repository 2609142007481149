import type { TokenSource } from "../../model/token-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import { type IdentityFault, unreachable } from "./identity-fault.ts";

/** Which managed identity: the system-assigned one, or a user-assigned one by one of its ids. */
export interface ManagedIdentityOptions {
  readonly clientId?: string;
  readonly objectId?: string;
  /** The ARM id: `/subscriptions/.../userAssignedIdentities/NAME`. */
  readonly resourceId?: string;
}

/**
 * The host's managed identity: IMDS, App Service, Container Apps, Arc; the SDK sees from the environment which. Its own
 * retries are off: they would hold a caller for up to 72 s, and the keeper of the token retries anyway. Its token cache
 * is one for the process, and behind it stands the host's own: a token that was revoked early comes again.
 */
export function createManagedIdentityCredential(options: ManagedIdentityOptions = {}): TokenSource {
  return createAzureTokenSource({
    identity: describeManagedIdentity(options),
    advise: adviseOnManagedIdentity,
    async make() {
      const { ManagedIdentityCredential } = await import("@azure/identity");
      const retryOptions = { maxRetries: 0 };
      const { clientId, objectId, resourceId } = options;
      if (objectId !== undefined) return new ManagedIdentityCredential({ objectId, retryOptions });
      if (resourceId !== undefined) return new ManagedIdentityCredential({ resourceId, retryOptions });
      return new ManagedIdentityCredential(
        clientId === undefined ? { retryOptions } : { clientId, retryOptions },
      );
    },
  });
}

function adviseOnManagedIdentity({ status, text }: IdentityFault): string {
  if (unreachable.test(text))
    return "the identity endpoint cannot be reached, or something else answers there; does this host run in Azure with a managed identity, and does no firewall or proxy stand between?";
  if (/read the secret file|unable_to_read_secret_file/i.test(text))
    return "the Arc agent's key cannot be read; put the user that runs certgate into the group himds";
  if (/not_confirmed|did not confirm the requested user-assigned/i.test(text))
    return "the Arc agent on this host knows no user-assigned identities; update the agent, or leave the id out for the host's own";
  if (/identity not found|no.*identity.*(assigned|found)/i.test(text) || status === 404)
    return "the host has no such identity; assign it to the host, or correct its id in the configuration";
  if (status === 400)
    return "the identity endpoint refuses the request; is the identity assigned to this host, and is the scope right?";
  if (status === 401 || status === 403)
    return "the identity endpoint forbids the request; may this host use the identity?";
  if (status === 429 || /too many requests|throttl/i.test(text))
    return "the identity endpoint throttles; it is asked again after a pause";
  if (status === 410) return "the identity endpoint is being updated; it is asked again after a pause";
  if (status !== undefined && status >= 500)
    return `the identity endpoint fails with status ${status}; it is asked again after a pause`;
  return "no token could be obtained";
}

function describeManagedIdentity({ clientId, objectId, resourceId }: ManagedIdentityOptions): string {
  if (clientId !== undefined) return `managed identity with client id ${clientId}`;
  if (objectId !== undefined) return `managed identity with object id ${objectId}`;
  if (resourceId !== undefined) return `managed identity ${resourceId}`;
  return "system-assigned managed identity";
}
