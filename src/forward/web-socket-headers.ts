import { isOwnOrigin } from "../model/own-origin.ts";
import { responseHeaders } from "./response-headers.ts";

/** A client's wish to open a WebSocket, as far as its headers tell it. */
export type WebSocketWish =
  | { readonly ok: true; /** Subprotocols that may be offered to a backend. */ readonly protocols: string[] }
  | {
      readonly ok: false;
      readonly code: "request_malformed" | "operation_not_permitted";
      readonly rule: string;
    };

/**
 * Subprotocols that say how to speak. Not among them: `openai-insecure-api-key.*` and its kin, which carry a
 * credential of the client's.
 */
const passedOn = /^(?:realtime|openai-beta\.[a-z0-9.-]{1,64})$/;
const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const key = /^[+/0-9A-Za-z]{22}==$/;

/**
 * Reads the headers by which a client asks for a WebSocket (RFC 6455 4.2.1). Extensions are not looked at: none is ever
 * agreed on, since what is compressed cannot be read within a bound.
 * @param headers flat raw pairs as received
 */
export function readWebSocketWish(headers: readonly string[]): WebSocketWish {
  const broken = (rule: string) => ({ ok: false, code: "request_malformed", rule }) as const;
  if (valuesOf(headers, "sec-websocket-version").join() !== "13")
    return broken("the header sec-websocket-version must be 13, once");
  const keys = valuesOf(headers, "sec-websocket-key");
  if (keys.length !== 1 || !key.test(keys[0] ?? ""))
    return broken("the header sec-websocket-key must hold 16 bytes in base64, once");
  // RFC 6455 10.2.
  const [host] = valuesOf(headers, "host");
  if (!valuesOf(headers, "origin").every((origin) => isOwnOrigin(origin, host)))
    return {
      ok: false,
      code: "operation_not_permitted",
      rule: "another site's page may not open a WebSocket here (the header origin)",
    };
  const offered = valuesOf(headers, "sec-websocket-protocol").flatMap((value) =>
    value.split(",").map((one) => one.trim()),
  );
  if (offered.some((one) => !token.test(one)) || new Set(offered).size !== offered.length)
    return broken("the header sec-websocket-protocol must list each subprotocol once");
  return { ok: true, protocols: offered.filter((one) => passedOn.test(one)) };
}

const valuesOf = (headers: readonly string[], name: string): string[] =>
  headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name);

/**
 * What of a backend's 101 the client gets, beside what belongs to the handshake itself.
 * @param backend flat raw pairs
 * @returns flat raw pairs
 */
export function webSocketAnswerHeaders(backend: readonly string[], requestId: string): string[] {
  const all = responseHeaders(backend, requestId);
  const headers: string[] = [];
  for (let at = 0; at < all.length; at += 2) {
    const [name = "", value = ""] = [all[at], all[at + 1]];
    const ofHandshake = name.startsWith("sec-websocket-") || name.startsWith("content-");
    // The library writes these as UTF-8: what is not ASCII would come out as something else.
    if (!ofHandshake && /^[\x20-\x7e\t]*$/.test(value)) headers.push(name, value);
  }
  return headers;
}
