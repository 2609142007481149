import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { discardRest } from "../../../src/gateway/receive-rest.ts";
import { endlessClient, readToTheEnd } from "../../support/endless-client.ts";

/** A server that answers the first piece of a body, and throws the rest away. */
async function answeringEarly() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** As much was taken as ever is. */
  const full = Promise.withResolvers<unknown>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.once("data", () => {
      request.pause();
      response.end("early");
      discardRest(request, (whole) => {
        if (!whole) request.socket.destroy();
      });
      full.resolve(once(request, "pause"));
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    agent.destroy();
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, agent, full: full.promise };
}

async function answeredEarly() {
  const { port, agent } = await answeringEarly();
  const client = httpRequest({
    host: "127.0.0.1",
    port,
    method: "POST",
    agent,
  });
  client.on("error", () => {});
  client.write("first");
  const [answer] = (await once(client, "response")) as [IncomingMessage];
  const [text] = await answer.toArray();
  return { client, text: String(text) };
}

const closed = (client: ReturnType<typeof httpRequest>) =>
  new Promise((resolve) => client.socket?.once("close", resolve));

describe("discardRest", () => {
  it("leaves the connection when the rest is short", async () => {
    const { client, text } = await answeredEarly();
    expect(text).toBe("early");
    const { socket } = client;
    client.end("the rest");
    await once(client, "close");
    expect(socket?.destroyed).toBe(false);
  });

  it("cuts a client that sends too much only when it had the time to read the answer", async () => {
    const { port, full } = await answeringEarly();
    const client = endlessClient(port);
    await full;
    expect(await readToTheEnd(client)).toContain("early");
  });

  it("cuts a client that sends nothing more and does not end", async () => {
    const { client } = await answeredEarly();
    await closed(client);
    expect(client.socket?.destroyed).toBe(true);
  });
});
