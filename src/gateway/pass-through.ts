import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestToAuthenticate } from "../credential/outbound-credential.ts";
import type { PassThroughRequest } from "../forward/pass-through.ts";
import { namesFramingInConnection, passThroughHeaders } from "../forward/pass-through-headers.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { decideRoute } from "../policy/decide.ts";
import { readRouteTarget } from "../target/route-target.ts";
import type { Caller } from "./caller.ts";
import { circumstancesOf, type ExchangeDraft, type Regrant } from "./exchange-draft.ts";
import type { Gateway, ReadyRoute } from "./gateway.ts";
import { watchBody } from "./watch-body.ts";
import { whilePresent } from "./while-present.ts";

const stalled = deny("request_malformed", "The body stopped arriving.");

/**
 * The pass-through lane after its caller is known: target -> grant -> credential -> forward.
 * @throws GatewayError, CallerLeft
 */
export async function passThrough(
  gateway: Gateway,
  route: ReadyRoute,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  draft: ExchangeDraft,
  granted: Regrant,
): Promise<Denied | undefined> {
  const path = authoriseRoute(route, caller, request, draft);
  if (!path.allowed) return path;
  granted(caller.entry, regrantOf(route, draft));
  const credential = await whilePresent(response, (signal) =>
    route.outbound.headers(toAuthenticate(route, path.value, request), signal),
  );
  // The client waits for this word before it sends its body; the library never sees the header that asked.
  if (request.headers.expect !== undefined) response.writeContinue();
  const stalling = new AbortController();
  const unwatch = watchBody(request, gateway.bodyStallMs, () => {
    gateway.metrics.shed("body_stalled");
    stalling.abort();
  });
  try {
    const outbound = outboundOn(path.value, caller, credential, request, draft, "request");
    await route.passThrough.request(request, response, outbound, stalling.signal);
    return undefined;
  } catch (fault) {
    if (stalling.signal.aborted) return stalled;
    throw fault;
  } finally {
    unwatch();
  }
}

/** What an unknown backend must not be sent, whatever route it is on. */
function unfitForRoutes(request: IncomingMessage): Denied | undefined {
  const refuse = (code: "request_malformed" | "operation_unknown", rule: string) =>
    deny(code, `${rule}.`, [{ check: "route", outcome: "fail", detail: rule }]);
  // A backend that answers TRACE sends the gateway's own token back to the client (RFC 9110 9.3.8).
  if (request.method === "TRACE" || request.method === "CONNECT")
    return refuse("operation_unknown", `Routes do not take ${request.method}`);
  if (namesFramingInConnection(request.rawHeaders))
    return refuse("request_malformed", "Connection names a header that says where the body ends");
  return undefined;
}

/** Grant and target of a request on a route. @returns path and query at the backend */
export function authoriseRoute(
  route: ReadyRoute,
  caller: Caller,
  request: IncomingMessage,
  draft: ExchangeDraft,
): Verdict<string> {
  const unfit = unfitForRoutes(request);
  if (unfit !== undefined) return unfit;
  draft.operation = `route:${route.name}`;
  draft.path = route.prefix;
  draft.backend = route.backend.name;
  const grant = decideRoute(caller.entry, route.name, circumstancesOf(draft));
  if (!grant.allowed) return grant;
  const target = readRouteTarget(request.url ?? "", route.prefix);
  if (!target.allowed) return target;
  return allow(`${route.backend.basePath}${target.value.path}`, [...grant.trace, ...target.trace]);
}

/** Decides again for what the caller's entry has become. */
export const regrantOf =
  (route: ReadyRoute, draft: ExchangeDraft): Parameters<Regrant>[1] =>
  (entry) =>
    decideRoute(entry, route.name, circumstancesOf(draft));

/** What can be said of a request on a route before it is piped. */
export const toAuthenticate = (
  { backend }: ReadyRoute,
  path: string,
  { method = "" }: IncomingMessage,
): RequestToAuthenticate => ({ origin: backend.origin, method, path, headers: [], body: "unseen" });

/** What goes out on a route: path and headers, the gateway's own among them. */
export function outboundOn(
  path: string,
  caller: Caller,
  credential: readonly string[],
  request: IncomingMessage,
  draft: ExchangeDraft,
  kind: "request" | "upgrade",
): PassThroughRequest {
  // An on-prem app learns who is calling from the gateway alone: clients' own x-certgate-* headers are withheld.
  const ours = [
    ...credential,
    "x-certgate-request-id",
    draft.requestId,
    "x-certgate-client",
    caller.principal.client,
  ];
  return { path, requestId: draft.requestId, headers: passThroughHeaders(request.rawHeaders, ours, kind) };
}
