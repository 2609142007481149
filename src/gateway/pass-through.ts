import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { PassThroughRequest } from "../forward/pass-through.ts";
import { passThroughHeaders } from "../forward/pass-through-headers.ts";
import type { GatewayError } from "../kernel/errors.ts";
import { allow, type Denied, type Verdict } from "../model/verdict.ts";
import { decideRoute } from "../policy/decide.ts";
import { readRouteTarget } from "../target/route-target.ts";
import type { Caller, ConnectionCaller } from "./caller.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import type { Gateway, ReadyRoute } from "./gateway.ts";
import { whilePresent } from "./while-present.ts";

/**
 * The pass-through lane after its caller is known: target -> grant -> credential -> forward.
 * @throws GatewayError, CallerLeft
 */
export async function passThrough(
  route: ReadyRoute,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  draft: ExchangeDraft,
): Promise<Denied | undefined> {
  const path = authoriseRoute(route, caller, request.url ?? "", draft);
  if (!path.allowed) return path;
  const credential = await whilePresent(response, (signal) => route.outbound.headers(signal));
  // The client waits for this word before it sends its body; the library never sees the header that asked.
  if (request.headers.expect !== undefined) response.writeContinue();
  await route.passThrough.request(
    request,
    response,
    outbound(path.value, caller, credential, request, draft, false),
  );
  return undefined;
}

/**
 * The story of a WebSocket upgrade. Only routes take one.
 * @param failed hears, at once, of a backend that failed before the tunnel was there
 * @returns a denial to render, or undefined once the tunnel has ended
 * @throws GatewayError while the backend was not asked yet
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
  if (route === undefined)
    return {
      allowed: false,
      code: "operation_unknown",
      detail: "No route takes an upgrade here.",
      trace: [...caller.trace, { check: "operation", outcome: "fail", detail: "upgrade outside a route" }],
    };
  const path = authoriseRoute(route, caller.value, request.url ?? "", draft);
  if (!path.allowed) return path;
  const leaving = new AbortController();
  socket.once("close", () => leaving.abort(new Error("the caller left")));
  const credential = await route.outbound.headers(leaving.signal);
  await route.passThrough.upgrade(
    request,
    socket,
    head,
    outbound(path.value, caller.value, credential, request, draft, true),
    failed,
  );
  return undefined;
}

function authoriseRoute(
  route: ReadyRoute,
  caller: Caller,
  url: string,
  draft: ExchangeDraft,
): Verdict<string> {
  draft.operation = `route:${route.name}`;
  draft.path = route.prefix;
  draft.backend = route.backend.name;
  const grant = decideRoute(caller.entry, route.name);
  if (!grant.allowed) return grant;
  const target = readRouteTarget(url, route.prefix);
  if (!target.allowed) return target;
  return allow(`${route.backend.basePath}${target.value.path}`, [...grant.trace, ...target.trace]);
}

function outbound(
  path: string,
  caller: Caller,
  credential: readonly string[],
  request: IncomingMessage,
  draft: ExchangeDraft,
  upgrade: boolean,
): PassThroughRequest {
  // An on-prem app learns who is calling from the gateway alone: clients' own x-certgate-* headers are withheld.
  const ours = [
    ...credential,
    "x-certgate-request-id",
    draft.requestId,
    "x-certgate-client",
    caller.principal.client,
  ];
  return { path, requestId: draft.requestId, headers: passThroughHeaders(request.rawHeaders, ours, upgrade) };
}
