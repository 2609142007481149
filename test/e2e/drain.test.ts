import { once } from "node:events";
import { Agent, createServer, type Server } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { ask, begin } from "../support/ask.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let pki: TestPki;
let azure: LocalAzure;
/** Answers `/large` with a head and a few bytes of many, and then no more; anything else when the test says so (`late`). */
let app: Server;
let appUrl: string;
beforeAll(async () => {
  pki = await createTestPki();
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
  });
  app = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (request, response) => {
    if (request.url !== "/large") return void app.emit("late", () => response.end("at last"));
    response.writeHead(200, { "content-length": 1000 });
    response.write("begin");
  }).listen(0, "127.0.0.1");
  await once(app, "listening");
  appUrl = `https://localhost:${(app.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await azure.stop();
  app.closeAllConnections();
  app.close();
});

/** A gateway of its own, which the test stops. */
const start = (): Promise<World> =>
  startWorld({
    pki,
    azure,
    configure(config) {
      config["routes"] = { app: { kind: "http", path: "/app/", backend: "app" } };
      config["backends"]["app"] = { ...config["backends"]["main"], endpoint: appUrl };
      config["clients"]["device-1"].routes = ["app"];
      config["clients"]["device-1"].operations = ["inference", "realtime"];
    },
  });

const asker = (world: World) => ({ port: world.certgate.port, ca: pki.root.pem, client: pki.client });
const messages = [{ role: "user" as const, content: "one two three" }];
const streamed = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", stream: true, messages },
};

/** The backend stands still after each event until it is let go. */
function standStill(): () => void {
  const gate = Promise.withResolvers<void>();
  azure.openAi.setPace({ afterEvent: () => gate.promise });
  onTestFinished(() => {
    azure.openAi.setPace({});
    gate.resolve();
  });
  return gate.resolve;
}

/** The next request that the app gets, which has no answer yet. */
const asked = async () => (await once(app, "late")) as [() => void];

/** What came, and how it ended. */
async function endOf(answer: IncomingMessage): Promise<{ text: string; error?: string }> {
  let text = "";
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) text += chunk.toString("utf8");
    return { text };
  } catch (fault) {
    return { text, error: String(fault) };
  }
}

const recordOf = async (world: World, operation: string) =>
  (await world.log()).findLast((line) => line["msg"] === "request" && line["operation"] === operation);

describe("while it drains, a gateway", () => {
  it("answers what was under way, and what comes on a connection that it has, and says that it closes", async () => {
    const world = await start();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await ask({ ...asker(world), agent }, { path: "/openai/v1/models" });
    const arriving = asked();
    const underWay = ask(asker(world), { path: "/app/late", headers: { connection: "keep-alive" } });
    const [letGo] = await arriving;
    const stopped = world.certgate.stop(20_000);
    const next = await ask({ ...asker(world), agent }, { path: "/openai/v1/models" });
    expect([next.status, next.headers.connection]).toEqual([200, "close"]);
    await expect(ask(asker(world), { path: "/openai/v1/models" })).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    letGo();
    const answer = await underWay;
    expect([answer.status, answer.headers.connection]).toEqual([200, "close"]);
    await stopped;
    await world.stop();
  });
});

describe("at its deadline, a gateway", () => {
  it("tells a client whose answer has not begun, and when to come again", async () => {
    const world = await start();
    const arriving = asked();
    const underWay = ask(asker(world), { path: "/app/late" });
    await arriving;
    const began = performance.now();
    await world.certgate.stop(500);
    expect(performance.now() - began).toBeLessThan(5000);
    const answer = await underWay;
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({
      "x-certgate-reason": "shutting_down",
      "retry-after": "1",
      connection: "close",
    });
    expect(answer.json.error.code).toBe("shutting_down");
    expect(await recordOf(world, "route:app")).toMatchObject({ reason: "shutting_down", status: 503 });
    await world.stop();
  });

  it("tells a client that waits for a deployment, too, and the backend hears that it left", async () => {
    const world = await start();
    azure.openAi.faults.next({ kind: "hang" });
    const before = azure.openAi.requests.all.length;
    const underWay = ask(asker(world), { ...streamed, body: { ...streamed.body, stream: false } });
    await expect.poll(() => azure.openAi.requests.all.length).toBe(before + 1);
    await world.certgate.stop(500);
    const { status, headers } = await underWay;
    expect([status, headers["x-certgate-reason"]]).toEqual([503, "shutting_down"]);
    expect(await recordOf(world, "chat-completions")).toMatchObject({ reason: "shutting_down", status: 503 });
    expect(await world.certgate.metrics.render()).toContain(
      'certgate_upstream_duration_seconds_count{backend="main",outcome="aborted"} 1',
    );
    await world.stop();
  });

  it("ends an event stream with an event that says so, and not as if it were whole", async () => {
    const world = await start();
    standStill();
    const answer = await begin(asker(world), streamed);
    await once(answer, "readable");
    const end = endOf(answer);
    await world.certgate.stop(500);
    const { text, error } = await end;
    expect(error).toMatch(/aborted/);
    expect(text).not.toContain("[DONE]");
    const [, data = ""] = /\n\nevent: error\ndata: (.*)\n\n$/.exec(text) ?? [];
    expect(JSON.parse(data)).toMatchObject({ error: { code: "shutting_down", type: "server_error" } });
    expect(await recordOf(world, "chat-completions")).toMatchObject({ reason: "shutting_down" });
    await world.stop();
  });

  it("has the official client throw that event", async () => {
    const world = await start();
    const agentOptions = { ca: pki.root.pem, cert: pki.client.chainPem, key: pki.client.keyPem };
    const { fetch, Agent: UndiciAgent } = await import("undici");
    const client = new OpenAI({
      apiKey: "unused",
      baseURL: `${world.url}/openai/v1`,
      maxRetries: 0,
      fetch: fetch as unknown as typeof globalThis.fetch,
      fetchOptions: { dispatcher: new UndiciAgent({ connect: agentOptions }) } as object,
    });
    standStill();
    const stream = await client.chat.completions.create({ model: "gpt-test", stream: true, messages });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const thrown = (async () => {
      for (;;) if ((await iterator.next()).done === true) return "it ended as if it were whole";
    })().catch((fault: unknown) => fault);
    await world.certgate.stop(500);
    expect(await thrown).toMatchObject({ code: "shutting_down" });
    await world.stop();
  });

  it("ends any other answer before its end", async () => {
    const world = await start();
    const answer = await begin(asker(world), { path: "/app/large" });
    await once(answer, "readable");
    const end = endOf(answer);
    await world.certgate.stop(500);
    expect(await end).toMatchObject({ text: "begin", error: expect.stringMatching(/aborted/) });
    expect(await recordOf(world, "route:app")).toMatchObject({ reason: "shutting_down" });
    await world.stop();
  });

  it("closes a WebSocket with 1001 and the reason", async () => {
    const world = await start();
    const socket = await openSocket(world, { path: "/openai/v1/realtime?model=gpt-test" });
    await socket.next("session.created");
    await world.certgate.stop(500);
    expect(await socket.closed).toEqual({ code: 1001, reason: "shutting_down" });
    const record = (await world.log()).findLast(({ msg }) => msg === "request");
    expect(record).toMatchObject({ reason: "shutting_down", status: 101 });
    await world.stop();
  });

  it("tells a client whose WebSocket the backend has not opened yet", async () => {
    const world = await start();
    const arrived = once(app, "upgrade");
    const refused = refusedSocket(world, { path: "/app/socket" });
    await arrived;
    await world.certgate.stop(500);
    const { status, headers } = await refused;
    expect([status, headers["x-certgate-reason"], headers["retry-after"]]).toEqual([
      503,
      "shutting_down",
      "1",
    ]);
    expect(await recordOf(world, "route:app")).toMatchObject({ reason: "shutting_down", status: 503 });
    await world.stop();
  });

  it("waits no longer for a client that does not read its goodbye", async () => {
    const world = await start();
    const answer = await begin(asker(world), { path: "/app/large" });
    answer.pause();
    const began = performance.now();
    await world.certgate.stop(500);
    expect(performance.now() - began).toBeLessThan(5000);
    answer.destroy();
    await world.stop();
  });
});
