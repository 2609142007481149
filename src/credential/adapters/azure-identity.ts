import type { TokenCredential } from "@azure/identity";
import type { TokenSource } from "../../model/token-source.ts";
import { explainIdentityFault } from "./identity-fault.ts";

/** Which managed identity: the system-assigned one, or a user-assigned one by one of its ids. */
export interface ManagedIdentityOptions {
  readonly clientId?: string;
  readonly objectId?: string;
  /** The ARM id: `/subscriptions/.../userAssignedIdentities/NAME`. */
  readonly resourceId?: string;
}

/**
 * The host's managed identity: IMDS, App Service, Container Apps, Arc. The identity package is loaded with the first
 * token, because it is heavy. Its own retries are off: they would hold a caller for up to 72 s, and the keeper of the
 * token retries anyway.
 */
export function createManagedIdentityCredential(options: ManagedIdentityOptions = {}): TokenSource {
  return createAzureTokenSource(describeManagedIdentity(options), async () => {
    const { ManagedIdentityCredential } = await import("@azure/identity");
    const retryOptions = { maxRetries: 0 };
    const { clientId, objectId, resourceId } = options;
    if (objectId !== undefined) return new ManagedIdentityCredential({ objectId, retryOptions });
    if (resourceId !== undefined) return new ManagedIdentityCredential({ resourceId, retryOptions });
    return new ManagedIdentityCredential(
      clientId === undefined ? { retryOptions } : { clientId, retryOptions },
    );
  });
}

/**
 * Puts one of the SDK's credentials behind the port: made with the first use, every fault explained, every wait
 * ended by its signal even where the SDK ignores it (as the managed identity's does).
 */
export function createAzureTokenSource(identity: string, make: () => Promise<TokenCredential>): TokenSource {
  let made: Promise<TokenCredential> | undefined;
  return {
    async getToken(scopes, { abortSignal } = {}) {
      try {
        made ??= make().catch((fault: unknown) => {
          made = undefined;
          throw fault;
        });
        const credential = await made;
        if (abortSignal === undefined) return await credential.getToken(scopes);
        return await endedBy(abortSignal, credential.getToken(scopes, { abortSignal }));
      } catch (fault) {
        if (abortSignal?.aborted === true) throw fault;
        throw explainIdentityFault(fault, identity);
      }
    },
  };
}

function describeManagedIdentity({ clientId, objectId, resourceId }: ManagedIdentityOptions): string {
  if (clientId !== undefined) return `managed identity with client id ${clientId}`;
  if (objectId !== undefined) return `managed identity with object id ${objectId}`;
  if (resourceId !== undefined) return `managed identity ${resourceId}`;
  return "system-assigned managed identity";
}

function endedBy<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new DOMException("The wait for a token was aborted", "AbortError"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  return Promise.race([promise, ended]).finally(() => signal.removeEventListener("abort", onAbort));
}
