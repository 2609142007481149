import { describe, expect, it } from "vitest";
import { passThroughHeaders } from "../../../src/forward/pass-through-headers.ts";

const ours = ["authorization", "Bearer ours", "x-certgate-client", "robot"];
const build = (client: readonly string[], upgrade = false) => passThroughHeaders(client, ours, upgrade);

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
    const headers = build(["Connection", "Upgrade, X-Hop", "Upgrade", "websocket", "X-Hop", "1"], true);
    expect(headers["upgrade"]).toBe("websocket");
    expect(headers["connection"]).toBe("Upgrade");
    expect(headers["x-hop"]).toBeUndefined();
  });

  it("keeps repeated headers apart", () => {
    expect(build(["X-A", "1", "x-a", "2"])["x-a"]).toEqual(["1", "2"]);
  });

  it("takes a header called __proto__ for a name like any other", () => {
    const headers = build(["__proto__", "x"]);
    expect(Object.keys(headers)).toContain("__proto__");
    expect(Object.getPrototypeOf(headers)).toBeNull();
  });
});
