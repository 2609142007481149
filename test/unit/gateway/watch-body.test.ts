import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { watchBody } from "../../../src/gateway/watch-body.ts";

async function sending(headers: Record<string, string | number>) {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const arrived = once(server, "request") as Promise<[IncomingMessage]>;
  const { port } = server.address() as AddressInfo;
  const client = httpRequest({ host: "127.0.0.1", port, method: "POST", headers, agent: false });
  client.on("error", () => {});
  client.flushHeaders();
  const [request] = await arrived;
  let stalls = 0;
  const stalled = Promise.withResolvers<void>();
  const end = watchBody(request, 60, () => {
    stalls += 1;
    stalled.resolve();
  });
  onTestFinished(end);
  return { client, request, stalled: stalled.promise, stalls: () => stalls };
}

/** Long enough for several spans. */
const spans = () => new Promise((resolve) => setTimeout(resolve, 400));

it("tells of a body that stops arriving, once", async () => {
  const { client, request, stalled, stalls } = await sending({ "content-length": 10_000 });
  request.resume();
  client.write("x".repeat(5000));
  await stalled;
  await spans();
  expect(stalls()).toBe(1);
});

it("tells of a body that trickles", async () => {
  const { client, request, stalled, stalls } = await sending({ "transfer-encoding": "chunked" });
  request.resume();
  const trickle = setInterval(() => client.write("x"), 5);
  onTestFinished(() => clearInterval(trickle));
  await stalled;
  expect(stalls()).toBe(1);
});

it("leaves a body alone that keeps coming", async () => {
  const { client, request, stalls } = await sending({ "transfer-encoding": "chunked" });
  request.resume();
  const flow = setInterval(() => client.write("x".repeat(4096)), 5);
  onTestFinished(() => clearInterval(flow));
  await spans();
  expect(stalls()).toBe(0);
});

it("does not blame a client that is made to wait", async () => {
  const { client, request, stalls } = await sending({ "content-length": 10_000 });
  client.write("x");
  request.pause();
  await spans();
  expect(stalls()).toBe(0);
});

it("ends with the body", async () => {
  const { client, request, stalls } = await sending({ "content-length": 4 });
  request.resume();
  client.end("body");
  await once(request, "end");
  await spans();
  expect(stalls()).toBe(0);
});

it("looks at nothing where there is no body", async () => {
  const { client, stalls } = await sending({ "content-length": 0 });
  client.end();
  await spans();
  expect(stalls()).toBe(0);
});
