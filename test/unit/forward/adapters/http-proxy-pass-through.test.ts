import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHttpProxyPassThrough } from "../../../../src/forward/adapters/http-proxy-pass-through.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A backend that says which host it was asked for, and a server that passes everything on by the lane that it is given. */
async function passing(address: string) {
  const { server: tls, root } = await testPki();
  const backend = createServer({ cert: tls.chainPem, key: tls.keyPem }, (request, response) =>
    response.end(request.headers.host),
  );
  backend.listen(0, address);
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const host = address.includes(":") ? `[${address}]` : address;
  const make = () =>
    createHttpProxyPassThrough({
      origin: `https://${host}:${port}`,
      ca: root.pem,
      connectTimeoutMs: 5000,
      firstByteTimeoutMs: 5000,
    });
  let lane = make();
  const server = createHttpServer((incoming, response) => {
    void lane.request(incoming, response, { headers: {}, path: "/", requestId: "r-1" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    lane.close();
    backend.close();
    server.close();
  });
  return {
    host: `${host}:${port}`,
    server,
    replace: () => {
      lane.close();
      lane = make();
    },
    ask: async () => {
      const { port: own } = server.address() as AddressInfo;
      const asking = get({ host: "127.0.0.1", port: own, agent: false });
      const [answer] = (await once(asking, "response")) as [NodeJS.ReadableStream];
      return text(answer);
    },
  };
}

describe("the lane of a route", () => {
  it("leaves nothing at the server when it is replaced", async () => {
    const { server, replace, ask } = await passing("127.0.0.1");
    await ask();
    const before = server.listenerCount("close");
    for (let time = 0; time < 5; time += 1) {
      replace();
      await ask();
    }
    expect(server.listenerCount("close")).toBe(before);
  });

  it("reaches a backend at an IPv6 address", async () => {
    const { ask, host } = await passing("::1");
    expect(await ask()).toBe(host);
  });
});
