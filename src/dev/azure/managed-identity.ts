import type { IncomingMessage, ServerResponse } from "node:http";

import type { AccessTokens } from "./access-tokens.ts";
import { FaultSwitch, playFault } from "./faults.ts";
import { listen } from "./listen.ts";
import { RequestLog } from "./request-log.ts";

/** A token request, as received. */
export interface TokenRequest {
  readonly url: string;
  readonly resource: string | undefined;
  /** `client_id`, `object_id` or `msi_res_id`, when the caller named an identity. */
  readonly identity: string | undefined;
  readonly metadataHeader: boolean;
}

export interface UserAssignedIdentity {
  readonly clientId: string;
  readonly objectId: string;
  readonly resourceId: string;
}

export interface ManagedIdentityOptions {
  readonly tokens: AccessTokens;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 86400, as Azure gives. */
  readonly tokenLifetimeSeconds?: number;
  readonly userAssigned?: readonly UserAssignedIdentity[];
}

/** A local instance metadata service (IMDS) for `AZURE_POD_IDENTITY_AUTHORITY_HOST`. */
export interface LocalManagedIdentity {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string;
  readonly requests: RequestLog<TokenRequest>;
  readonly faults: FaultSwitch;
  /** For tokens issued from now on. */
  setTokenLifetime(seconds: number): void;
  stop(): Promise<void>;
}

const systemAssignedClientId = "00000000-0000-4000-8000-000000000001";

/** @throws Error when the port is taken. */
export async function startManagedIdentity(options: ManagedIdentityOptions): Promise<LocalManagedIdentity> {
  const requests = new RequestLog<TokenRequest>();
  const faults = new FaultSwitch();
  let lifetimeSeconds = options.tokenLifetimeSeconds ?? 86_400;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://imds");
    const { searchParams: query } = url;
    const resource = query.get("resource") ?? undefined;
    const identity = query.get("client_id") ?? query.get("object_id") ?? query.get("msi_res_id") ?? undefined;
    const metadataHeader = request.headers["metadata"] === "true";
    requests.add({ url: request.url ?? "", resource, identity, metadataHeader });
    if ((await playFault(faults.take(request.url ?? ""), request, response)) === "done") return;

    if (!/^\/metadata\/identity\/oauth2\/token\/?$/.test(url.pathname))
      return send(response, 404, { error: "not_found", error_description: "Unknown path" });
    // What keeps a server-side request forgery from fetching a token: no browser or naive proxy sends this header.
    if (!metadataHeader) return refuse(response, "Required metadata header not specified");
    if (!query.has("api-version"))
      return refuse(response, "Required query variable 'api-version' is missing");
    if (resource === undefined) return refuse(response, "Required query variable 'resource' is missing");
    const known = options.userAssigned?.find(
      ({ clientId, objectId, resourceId }) =>
        identity === clientId || identity === objectId || identity === resourceId,
    );
    if (identity !== undefined && known === undefined) return refuse(response, "Identity not found");

    const { token, expiresAt } = options.tokens.issue(resource, lifetimeSeconds);
    const expiresOn = Math.floor(expiresAt / 1000);
    send(response, 200, {
      access_token: token,
      client_id: known?.clientId ?? systemAssignedClientId,
      expires_in: String(lifetimeSeconds),
      expires_on: String(expiresOn),
      ext_expires_in: String(lifetimeSeconds),
      not_before: String(expiresOn - lifetimeSeconds),
      resource,
      token_type: "Bearer",
    });
  }

  const listening = await listen({
    service: "local managed identity endpoint",
    port: options.port ?? 0,
    handle: serve,
  });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    requests,
    faults,
    setTokenLifetime: (seconds) => {
      lifetimeSeconds = seconds;
    },
    stop: listening.stop,
  };
}

const refuse = (response: ServerResponse, description: string): void =>
  send(response, 400, { error: "invalid_request", error_description: description });

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}
