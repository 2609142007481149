import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayError } from "../kernel/errors.ts";
import { deny, type Denied } from "../model/verdict.ts";
import type { ConnectionCaller } from "./caller.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import type { Gateway } from "./gateway.ts";
import { authoriseRoute, outboundOn, toAuthenticate } from "./pass-through.ts";
import { whilePresent } from "./while-present.ts";

/**
 * The story of a WebSocket upgrade: caller -> target -> grant -> credential -> tunnel. Only routes take one.
 * @param failed hears, at once, of a backend that failed before the tunnel was there
 * @returns a denial to render, or undefined once the tunnel has ended
 * @throws GatewayError while the backend was not asked yet; CallerLeft
 */
export async function handleUpgrade(
  gateway: Gateway,
  connection: ConnectionCaller,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  draft: ExchangeDraft,
  failed: (fault: GatewayError) => void,
): Promise<Denied | undefined> {
  const caller = await connection.identifyOrFetch();
  if (!caller.allowed) return caller;
  draft.client = caller.value.principal.client;
  draft.thumbprint = caller.value.principal.thumbprint;
  const route = gateway.routeOf(request.url ?? "");
  if (route === undefined) return refuse("operation_unknown", "no route takes an upgrade here");
  // RFC 9110 7.8 allows a body; nobody between here and the backend would know where it ends.
  if (request.method !== "GET" || hasBody(request))
    return refuse("request_malformed", "an upgrade is a GET without a body");
  const path = authoriseRoute(route, caller.value, request, draft);
  if (!path.allowed) return path;
  const credential = await whilePresent(socket, (signal) =>
    route.outbound.headers(toAuthenticate(route, path.value, request), signal),
  );
  const outbound = outboundOn(path.value, caller.value, credential, request, draft, "upgrade");
  await route.passThrough.upgrade(request, socket, head, outbound, failed);
  return undefined;
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

const refuse = (code: "operation_unknown" | "request_malformed", rule: string): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [
    { check: "upgrade", outcome: "fail", detail: rule },
  ]);
