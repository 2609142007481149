import { describe, expect, it } from "vitest";
import { readWebSocketWish, webSocketAnswerHeaders } from "../../../src/forward/web-socket-headers.ts";

const handshake = [
  "Host",
  "gw:8443",
  "Sec-WebSocket-Version",
  "13",
  "Sec-WebSocket-Key",
  "dGhlIHNhbXBsZSBub25jZQ==",
];
const wish = (...more: string[]) => readWebSocketWish([...handshake, ...more]);

describe("a client's wish for a WebSocket", () => {
  it("holds the subprotocols that say how to speak, and none with a credential", () => {
    expect(
      wish(
        "Sec-WebSocket-Protocol",
        "realtime, openai-insecure-api-key.sk-1",
        "sec-websocket-protocol",
        "openai-beta.realtime-v1",
      ),
    ).toEqual({ ok: true, protocols: ["realtime", "openai-beta.realtime-v1"] });
  });

  it("may come from a page of our own, and from no other", () => {
    expect(wish("Origin", "https://GW:8443")).toMatchObject({ ok: true });
    for (const origin of ["https://gw", "http://gw:8443", "https://evil.example", "null", "https://gw:8443/"])
      expect(wish("origin", origin)).toMatchObject({ ok: false, code: "operation_not_permitted" });
  });

  it.each<[string, string[]]>([
    ["another version", ["Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", handshake[5] as string]],
    ["no key", ["Sec-WebSocket-Version", "13"]],
    ["a short key", ["Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "abc"]],
    ["two keys", [...handshake, "sec-websocket-key", handshake[5] as string]],
    ["a subprotocol twice", [...handshake, "sec-websocket-protocol", "realtime, realtime"]],
    ["a subprotocol that is none", [...handshake, "sec-websocket-protocol", "real time"]],
    ["an empty subprotocol", [...handshake, "sec-websocket-protocol", "realtime,"]],
  ])("is refused with %s", (_what, headers) => {
    expect(readWebSocketWish(headers)).toMatchObject({ ok: false, code: "request_malformed" });
  });
});

it("an answer has what helps to trace it, and nothing of the handshake or the gateway's own credential", () => {
  const backend = [
    "Sec-WebSocket-Accept",
    "x",
    "Upgrade",
    "websocket",
    "Set-Cookie",
    "a=b",
    "apim-request-id",
    "7",
  ];
  expect(webSocketAnswerHeaders([...backend, "x-odd", "caf\u00e9"], "r-1")).toEqual([
    "apim-request-id",
    "7",
    "x-certgate-request-id",
    "r-1",
    "x-certgate-answered-by",
    "backend",
  ]);
});
