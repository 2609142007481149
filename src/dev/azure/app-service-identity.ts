import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AccessTokens } from "./access-tokens.ts";
import { FaultSwitch, playFault } from "./faults.ts";
import { listen } from "./listen.ts";
import { RequestLog } from "./request-log.ts";

/** App Service's and Container Apps' managed identity: an endpoint and a secret header out of the environment. */
export interface LocalAppServiceIdentity {
  /** `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. */
  readonly environment: { readonly IDENTITY_ENDPOINT: string; readonly IDENTITY_HEADER: string };
  readonly requests: RequestLog<{ readonly resource: string | null; readonly clientId: string | null }>;
  readonly faults: FaultSwitch;
  stop(): Promise<void>;
}

export async function startAppServiceIdentity(
  tokens: AccessTokens,
  lifetimeSeconds = 86_400,
): Promise<LocalAppServiceIdentity> {
  const requests: LocalAppServiceIdentity["requests"] = new RequestLog();
  const faults = new FaultSwitch();
  const secret = randomUUID();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://app-service");
    const resource = query.get("resource");
    requests.add({ resource, clientId: query.get("client_id") });
    if ((await playFault(faults.take(request.url ?? ""), request, response)) === "done") return;
    if (pathname !== "/msi/token") return send(response, 404, { statusCode: 404, message: "not found" });
    if (request.headers["x-identity-header"] !== secret)
      return send(response, 401, { statusCode: 401, message: "X-IDENTITY-HEADER is missing or wrong" });
    if (query.get("api-version") !== "2019-08-01" || resource === null)
      return send(response, 400, { statusCode: 400, message: "api-version or resource is missing" });
    const { token, expiresAt } = tokens.issue(resource, lifetimeSeconds);
    return send(response, 200, {
      access_token: token,
      expires_on: String(Math.floor(expiresAt / 1000)),
      resource,
      token_type: "Bearer",
      client_id: query.get("client_id") ?? "00000000-0000-4000-8000-000000000001",
    });
  }

  const { port, stop } = await listen({ service: "local App Service identity", port: 0, handle: serve });
  return {
    environment: { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi/token`, IDENTITY_HEADER: secret },
    requests,
    faults,
    stop,
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}
