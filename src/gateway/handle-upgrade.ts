import type { IncomingMessage } from "node:http";
import { deny, type Denied } from "../model/verdict.ts";
import type { Caller, ConnectionCaller } from "./caller.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import type { Gateway, ReadyRoute } from "./gateway.ts";
import { openWebSocket } from "./open-web-socket.ts";
import { authoriseRoute, outboundOn, regrantOf, toAuthenticate } from "./pass-through.ts";
import type { Upgrade, UpgradeEnd } from "./upgrade.ts";
import { whilePresent } from "./while-present.ts";

/**
 * The story of an upgrade: caller -> target -> grant -> credential -> tunnel. On a route the bytes are piped; the
 * WebSockets of the inference APIs are read, message by message.
 * @throws GatewayError while nothing was accepted; CallerLeft
 */
export async function handleUpgrade(
  gateway: Gateway,
  connection: ConnectionCaller,
  upgrade: Upgrade,
  draft: ExchangeDraft,
): Promise<UpgradeEnd> {
  const { request } = upgrade;
  const caller = await connection.identifyOrFetch();
  if (!caller.allowed) return caller;
  draft.client = caller.value.principal.client;
  draft.thumbprint = caller.value.principal.thumbprint;
  // RFC 9110 7.8 allows a body; nobody between here and the backend would know where it ends.
  if (request.method !== "GET" || hasBody(request))
    return refuse("request_malformed", "an upgrade is a GET without a body");
  const route = gateway.routeOf(request.url ?? "");
  if (route !== undefined) return tunnel(route, caller.value, upgrade, draft);
  return openWebSocket(gateway, connection, caller.value, upgrade, draft);
}

async function tunnel(
  route: ReadyRoute,
  caller: Caller,
  { request, socket, head, granted, failed }: Upgrade,
  draft: ExchangeDraft,
): Promise<Denied | undefined> {
  const path = authoriseRoute(route, caller, request, draft);
  if (!path.allowed) return path;
  granted(caller.entry, regrantOf(route, draft));
  const credential = await whilePresent(socket, (signal) =>
    route.outbound.headers(toAuthenticate(route, path.value, request), signal),
  );
  const outbound = outboundOn(path.value, caller, credential, request, draft, "upgrade");
  await route.passThrough.upgrade(request, socket, head, outbound, failed);
  return undefined;
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

const refuse = (code: "request_malformed", rule: string): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [
    { check: "upgrade", outcome: "fail", detail: rule },
  ]);
