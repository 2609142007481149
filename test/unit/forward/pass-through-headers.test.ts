import { describe, expect, it } from "vitest";
import { namesFramingInConnection, passThroughHeaders } from "../../../src/forward/pass-through-headers.ts";

const ours = ["authorization", "Bearer ours", "x-certgate-client", "robot"];
const build = (client: readonly string[], kind: "request" | "upgrade" = "request") =>
  passThroughHeaders(client, ours, kind);

describe("passThroughHeaders", () => {
  it("passes headers that the gateway knows nothing of", () => {
    expect(build(["X-App-Tenant", "7"])["x-app-tenant"]).toBe("7");
  });

  it("sends the gateway's credential in place of the client's", () => {
    expect(build(["Authorization", "Bearer client"])["authorization"]).toBe("Bearer ours");
  });

  it.each([
    "Cookie",
    "api-key",
    "Expect",
    "X-Forwarded-For",
    "X-Certgate-Client",
    "X-Original-URL",
    "X-Client-Cert",
    "Host",
  ])("withholds a client's %s", (name) => {
    expect(Object.values(build([name, "client"])).flat()).not.toContain("client");
  });

  it("withholds hop-by-hop headers and those that Connection names", () => {
    const headers = build(["Connection", "close, X-Hop", "X-Hop", "1", "TE", "trailers", "Upgrade", "h2c"]);
    expect(Object.keys(headers).toSorted()).toEqual(["authorization", "x-certgate-client"]);
  });

  it("keeps the upgrade that a WebSocket needs, and nothing else that is hop-by-hop", () => {
    const headers = build(["Connection", "Upgrade, X-Hop", "Upgrade", "websocket", "X-Hop", "1"], "upgrade");
    expect(headers["upgrade"]).toBe("websocket");
    expect(headers["connection"]).toBe("Upgrade");
    expect(headers["x-hop"]).toBeUndefined();
  });

  it("keeps repeated headers apart", () => {
    expect(build(["X-A", "1", "x-a", "2"])["x-a"]).toEqual(["1", "2"]);
  });

  it.each([
    "x_certgate_client",
    "X_Forwarded_For",
    "__proto__",
    "client-cert",
    "x-original-uri",
    "remote-user",
  ])("withholds %s, which some servers read as a header of ours", (name) => {
    expect(Object.keys(build([name, "x"])).toSorted()).toEqual(["authorization", "x-certgate-client"]);
  });

  it("keeps the framing of a body, whatever Connection asks", () => {
    const headers = build(["Connection", "content-length", "Content-Length", "3"]);
    expect(headers["content-length"]).toBe("3");
  });

  it("has no framing on an upgrade, which has no body", () => {
    const headers = build(["Content-Length", "3", "Upgrade", "websocket"], "upgrade");
    expect(headers["content-length"]).toBeUndefined();
  });
});

describe("namesFramingInConnection", () => {
  it.each(["content-length", "keep-alive, Transfer-Encoding"])("notices Connection: %s", (value) => {
    expect(namesFramingInConnection(["Connection", value])).toBe(true);
  });

  it("leaves an honest Connection alone", () => {
    expect(namesFramingInConnection(["Connection", "keep-alive, x-hop", "Content-Length", "3"])).toBe(false);
  });
});
