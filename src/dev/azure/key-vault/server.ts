import type { IncomingMessage, ServerResponse } from "node:http";

import { type Clock, systemClock } from "../../../kernel/clock.ts";
import type { AccessTokens } from "../access-tokens.ts";
import { FaultSwitch, playFault } from "../faults.ts";
import { listen, type TlsFiles } from "../listen.ts";
import { RequestLog } from "../request-log.ts";
import {
  certificateBundle,
  certificateItem,
  certificatePolicy,
  secretBundle,
  secretItem,
} from "./bundles.ts";
import { VaultContents } from "./contents.ts";

export type { VaultCertificate, VaultContents, VaultSecret } from "./contents.ts";

/** A request, as received. The bearer token itself is not kept. */
export interface VaultRequest {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly authenticated: boolean;
}

export interface KeyVaultOptions {
  readonly tls: TlsFiles;
  readonly tokens: AccessTokens;
  readonly clock?: Clock;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A local Key Vault. Its host is not below `vault.azure.net`: clients need `disableChallengeResourceVerification`. */
export interface LocalKeyVault {
  /** `https://localhost:PORT`, without a path. */
  readonly url: string;
  /** To fill and rotate at run time. */
  readonly contents: VaultContents;
  readonly requests: RequestLog<VaultRequest>;
  readonly faults: FaultSwitch;
  stop(): Promise<void>;
}

const resource = "https://vault.azure.net";
const tenant = "00000000-0000-4000-8000-00000000aaaa";

type Answer = readonly [status: number, body: unknown];

const failure = (status: number, code: string, message: string, innerCode?: string): Answer => [
  status,
  { error: { code, message, ...(innerCode === undefined ? {} : { innererror: { code: innerCode } }) } },
];

/** @throws Error when the port is taken. */
export async function startKeyVault(options: KeyVaultOptions): Promise<LocalKeyVault> {
  const { tls, tokens, clock = systemClock, port = 0 } = options;
  const contents = new VaultContents(() => clock.now());
  const requests = new RequestLog<VaultRequest>();
  const faults = new FaultSwitch();
  let vault = "";

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = request.url ?? "/";
    const url = new URL(raw, vault);
    const token = tokens.check(request.headers.authorization, [resource]);
    const authenticated = token === "good";
    requests.add({ method: request.method ?? "", url: raw, path: url.pathname, authenticated });
    if ((await playFault(faults.take(raw), request, response)) === "done") return;
    if (!authenticated) {
      const hint = token === "missing" ? "" : ', error="invalid_token"';
      response.setHeader(
        "www-authenticate",
        `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="${resource}"${hint}`,
      );
    }
    const [status, body] = authenticated
      ? answer(request.method ?? "", url)
      : failure(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.");
    response
      .writeHead(status, {
        "content-type": "application/json; charset=utf-8",
        "x-ms-keyvault-region": "local",
        "cache-control": "no-cache",
      })
      .end(JSON.stringify(body));
  }

  function answer(method: string, url: URL): Answer {
    // The SDKs percent-encode the parameter's name too (`api%2Dversion`); URLSearchParams decodes it.
    if (!url.searchParams.has("api-version"))
      return failure(400, "BadParameter", "The request is missing the api-version parameter.");
    if (method !== "GET") return failure(405, "MethodNotAllowed", "The local Key Vault only reads.");
    const [, kind, name = "", tail = ""] = url.pathname.split("/");
    if (kind === "certificates") return certificate(name, tail);
    if (kind === "secrets") return secret(name, tail);
    return failure(404, "NotFound", "Resource not found.");
  }

  function certificate(name: string, tail: string): Answer {
    const versions = contents.certificateVersions(name);
    if (tail === "versions")
      return [200, { value: versions.map((one) => certificateItem(vault, name, one)), nextLink: null }];
    const found = contents.certificate(name, tail === "" || tail === "policy" ? undefined : tail);
    if (found === undefined)
      return failure(
        404,
        "CertificateNotFound",
        `A certificate with (name/id) ${name} was not found in this key vault.`,
      );
    if (tail === "policy") return [200, certificatePolicy(vault, name, found)];
    return [200, certificateBundle(vault, name, found)];
  }

  function secret(name: string, tail: string): Answer {
    if (tail === "versions")
      return [
        200,
        { value: contents.secretVersions(name).map((one) => secretItem(vault, name, one)), nextLink: null },
      ];
    const found = contents.secret(name, tail === "" ? undefined : tail);
    if (found === undefined)
      return failure(
        404,
        "SecretNotFound",
        `A secret with (name/id) ${name} was not found in this key vault.`,
      );
    if (!found.enabled)
      return failure(
        403,
        "Forbidden",
        "Operation get is not allowed on a disabled secret.",
        "SecretDisabled",
      );
    return [200, secretBundle(vault, name, found, contents.certificate(name, found.version) !== undefined)];
  }

  const listening = await listen({
    service: "local Key Vault",
    port,
    tls,
    handle: serve,
  });
  vault = `https://localhost:${listening.port}`;
  return { url: vault, contents, requests, faults, stop: listening.stop };
}
