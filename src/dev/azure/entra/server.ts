import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { type Clock, systemClock } from "../../../kernel/clock.ts";
import type { AccessTokens } from "../access-tokens.ts";
import { FaultSwitch, playFault } from "../faults.ts";
import { listen, type TlsFiles } from "../listen.ts";
import { RequestLog } from "../request-log.ts";
import { type AppRegistration, type Refusal, refuse } from "./app-registration.ts";
import { type AssertionProof, judgeAssertion } from "./client-assertion.ts";

/** A token request, as received. */
export interface EntraTokenRequest {
  readonly tenant: string;
  readonly clientId: string;
  readonly scope: string;
  /** How it proved itself; undefined where it did not. */
  readonly proof: "secret" | AssertionProof | undefined;
}

export interface EntraOptions {
  /** The certificate must name localhost. */
  readonly tls: TlsFiles;
  readonly tokens: AccessTokens;
  readonly tenantId: string;
  readonly apps: readonly AppRegistration[];
  readonly clock?: Clock;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 3600, about what Entra gives. */
  readonly tokenLifetimeSeconds?: number;
}

/** A local Entra: the part of it that gives apps their tokens. */
export interface LocalEntra {
  /** `https://localhost:PORT`, for `authorityHost`. */
  readonly url: string;
  /** Token requests that got through the fault switch. */
  readonly requests: RequestLog<EntraTokenRequest>;
  /** Every request, discovery included. */
  readonly faults: FaultSwitch;
  /** For tokens issued from now on. */
  setTokenLifetime(seconds: number): void;
  stop(): Promise<void>;
}

/** Applies a fault to token requests only. */
export const tokenRequestsOnly = (url: string): boolean => url.includes("/oauth2/v2.0/token");

/** @throws Error when the port is taken. */
export async function startEntra(options: EntraOptions): Promise<LocalEntra> {
  const { tls, tokens, tenantId, apps, clock = systemClock } = options;
  const requests = new RequestLog<EntraTokenRequest>();
  const faults = new FaultSwitch();
  let lifetimeSeconds = options.tokenLifetimeSeconds ?? 3600;
  let origin = "";

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origin);
    // Read first: a connection that closes over an unread body looks like a reset.
    const form = new URLSearchParams(await text(request));
    if ((await playFault(faults.take(request.url ?? ""), request, response)) === "done") return;
    const [, tenant = "", ...rest] = url.pathname.split("/");
    const path = rest.join("/");
    if (tenant !== tenantId)
      return deny(response, refuse(90002, `Tenant '${tenant}' not found.`, "invalid_tenant", 400));
    if (request.method === "GET" && path === "v2.0/.well-known/openid-configuration")
      return send(response, 200, {
        issuer: `${origin}/${tenant}/v2.0`,
        authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
      });
    if (request.method === "POST" && path === "oauth2/v2.0/token") return giveToken(form, tenant, response);
    return send(response, 404, { error: "not_found" });
  }

  function giveToken(form: URLSearchParams, tenant: string, response: ServerResponse): void {
    const clientId = form.get("client_id") ?? "";
    // OpenID scopes that MSAL adds by itself mean nothing here.
    const scope = (form.get("scope") ?? "").split(" ").find((part) => part.includes("/")) ?? "";
    const app = apps.find((one) => one.clientId === clientId);
    const proof =
      app === undefined
        ? refuse(
            700016,
            `Application with identifier '${clientId}' was not found in the directory.`,
            "unauthorized_client",
            400,
          )
        : judge(form, app, `${origin}/${tenant}/oauth2/v2.0/token`);
    requests.add({ tenant, clientId, scope, proof: typeof proof === "string" ? proof : undefined });
    if (typeof proof !== "string") return deny(response, proof);
    if (form.get("grant_type") !== "client_credentials")
      return deny(
        response,
        refuse(70003, "The app requested an unsupported grant type.", "unsupported_grant_type", 400),
      );
    if (!scope.endsWith("/.default"))
      return deny(
        response,
        refuse(1002012, `The provided value for scope ${scope} is not valid.`, "invalid_scope", 400),
      );
    const audience = scope.slice(0, -"/.default".length);
    const now = Math.floor(clock.now() / 1000);
    const { token } = tokens.issue(audience, lifetimeSeconds, {
      aud: audience,
      iss: `https://sts.windows.net/${tenant}/`,
      iat: now,
      nbf: now,
      exp: now + lifetimeSeconds,
      appid: clientId,
      idtyp: "app",
      oid: app?.objectId,
      tid: tenant,
    });
    return send(response, 200, {
      token_type: "Bearer",
      expires_in: lifetimeSeconds,
      ext_expires_in: lifetimeSeconds,
      access_token: token,
    });
  }

  function judge(
    form: URLSearchParams,
    app: AppRegistration,
    endpoint: string,
  ): "secret" | AssertionProof | Refusal {
    const secret = form.get("client_secret");
    if (secret !== null) {
      if (app.secrets.includes(secret)) return "secret";
      return app.expiredSecrets?.includes(secret) === true
        ? refuse(7000222, `The provided client secret keys for app '${app.clientId}' are expired.`)
        : refuse(7000215, "Invalid client secret provided.");
    }
    const assertion = form.get("client_assertion");
    if (
      assertion === null ||
      form.get("client_assertion_type") !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )
      return refuse(
        7000216,
        "'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type.",
      );
    return judgeAssertion(assertion, app, endpoint, clock);
  }

  const listening = await listen({ service: "local Entra", port: options.port ?? 0, tls, handle: serve });
  origin = `https://localhost:${listening.port}`;
  return {
    url: origin,
    requests,
    faults,
    setTokenLifetime: (seconds) => {
      lifetimeSeconds = seconds;
    },
    stop: listening.stop,
  };
}

/** As Entra writes it: the number stands in the text, where the SDKs and people look for it. */
const deny = (response: ServerResponse, { status, error, code, sentence }: Refusal): void =>
  send(response, status, {
    error,
    error_description: `AADSTS${code}: ${sentence} Trace ID: ${randomUUID()} Correlation ID: ${randomUUID()}`,
    error_codes: [code],
  });

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}
