import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let neighbour: IssuedCertificate;
let plain: IssuedCertificate;
beforeAll(async () => {
  pki = await createTestPki();
  neighbour = await pki.intermediate.issue({ subject: "CN=neighbour" });
  plain = await pki.intermediate.issue({ subject: "CN=plain" });
  world = await startWorld({
    pki,
    configure(config) {
      const grant = { deployments: ["gpt-test"], operations: ["inference", "realtime"] };
      config["clients"]["device-1"].operations = grant.operations;
      config["clients"]["neighbour"] = { thumbprints: [neighbour.thumbprint], ...grant };
      config["clients"]["plain"] = { thumbprints: [plain.thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(() => world.stop());

const realtime = "/openai/v1/realtime?model=gpt-test";
const responses = "/openai/v1/responses";
const create = (body: object = {}) => ({
  type: "response.create",
  model: "gpt-test",
  input: "hello there",
  ...body,
});

async function opened(wish: Parameters<typeof openSocket>[1]) {
  const arriving = world.azure.openAi.sockets.next();
  const client = await openSocket(world, wish);
  return { client, backend: await arriving };
}
const lastLine = async () => (await world.log()).findLast(({ msg }) => msg === "request");

describe("a WebSocket", () => {
  it.each([realtime, "/openai/realtime?deployment=gpt-test&api-version=2024-10-01-preview"])(
    "of the Realtime API is opened with the gateway's own token and nothing of the client's: %s",
    async (path) => {
      const { client, backend } = await opened({
        path,
        options: { headers: { "api-key": "secret", authorization: "Bearer client", "x-ms-foo": "1" } },
      });
      expect(await client.next()).toMatchObject({ type: "session.created", session: { model: "gpt-test" } });
      client.send({ type: "session.update", session: { instructions: "be brief" } });
      expect(await client.next()).toMatchObject({ type: "session.updated" });
      expect(backend.url).toBe(path);
      expect(backend.header("authorization")).toMatch(/^Bearer local\./);
      for (const name of ["api-key", "x-ms-foo", "origin", "sec-websocket-extensions"])
        expect(backend.header(name)).toBeUndefined();
      expect(client.answer.headers).toMatchObject({
        "x-certgate-answered-by": "backend",
        "x-ms-region": "Local",
        "x-certgate-request-id": backend.header("x-certgate-request-id"),
      });
      expect([client.webSocket.extensions, backend.webSocket.extensions]).toEqual(["", ""]);
    },
  );

  it("of the Responses API answers each response.create, and is logged once, at its end", async () => {
    const { client, backend } = await opened({ path: responses });
    client.send(create());
    expect((await client.next("response.completed")).response.output[0].content[0].text).toContain("hello");
    client.webSocket.close(4001, "done here");
    expect(await backend.closed).toEqual({ code: 4001, reason: "done here" });
    await client.closed;
    expect(await lastLine()).toMatchObject({
      client: "device-1",
      operation: "responses-socket",
      backend: "main",
      decision: "allowed",
      status: 101,
      path: responses,
    });
  });

  it("offers the subprotocols that say how to speak, and never one that holds a key", async () => {
    const { client, backend } = await opened({
      path: realtime,
      protocols: ["openai-insecure-api-key.sk-secret", "realtime", "openai-beta.realtime-v1"],
    });
    expect(backend.header("sec-websocket-protocol")).toBe("realtime,openai-beta.realtime-v1");
    expect(client.webSocket.protocol).toBe("realtime");
  });

  it("takes the official Realtime client", async () => {
    const socket = new OpenAIRealtimeWS(
      {
        model: "gpt-test",
        options: { ca: pki.root.pem, cert: pki.client.chainPem, key: pki.client.keyPem },
      },
      new OpenAI({ apiKey: "none", baseURL: `${world.url}/openai/v1` }),
    );
    const created = await new Promise((resolve, reject) => {
      socket.on("session.created", resolve);
      socket.on("error", reject);
    });
    expect(created).toMatchObject({ session: { model: "gpt-test" } });
    const done = new Promise((resolve) => socket.on("response.done", resolve));
    socket.send({ type: "response.create" });
    expect(await done).toMatchObject({ response: { status: "completed" } });
    socket.close();
    await once(socket.socket, "close");
  });

  it("takes the official Responses client", async () => {
    const socket = new ResponsesWS(new OpenAI({ apiKey: "none", baseURL: `${world.url}/openai/v1` }), {
      ca: pki.root.pem,
      cert: pki.client.chainPem,
      key: pki.client.keyPem,
    });
    const done = new Promise((resolve, reject) => {
      socket.on("response.completed", resolve);
      socket.on("error", reject);
    });
    socket.send({ type: "response.create", model: "gpt-test", input: "hello" });
    expect(await done).toMatchObject({ response: { status: "completed" } });
    socket.close();
  });
});

describe("an upgrade is refused over HTTP, and the backend hears nothing of it,", () => {
  it.each<[string, string, number, string, Record<string, string>?]>([
    [
      "for a deployment that is not granted",
      "/openai/v1/realtime?model=gpt-other",
      403,
      "deployment_not_permitted",
    ],
    ["for a deployment twice", `${realtime}&model=gpt-other`, 400, "request_malformed"],
    ["with a key in the query", `${realtime}&api-key=secret`, 400, "request_malformed"],
    ["for an operation that is no WebSocket", "/openai/v1/models", 404, "operation_unknown"],
    [
      "from another site's page",
      realtime,
      403,
      "operation_not_permitted",
      { origin: "https://evil.example" },
    ],
  ])("%s", async (_what, path, status, reason, headers = {}) => {
    const before = world.azure.openAi.sockets.count;
    const refused = await refusedSocket(world, { path, options: { headers } });
    expect([refused.status, refused.headers["x-certgate-reason"]]).toEqual([status, reason]);
    expect(world.azure.openAi.sockets.count).toBe(before);
  });

  it("for a client without the group realtime", async () => {
    const refused = await refusedSocket(world, { path: realtime, client: plain });
    expect([refused.status, refused.headers["x-certgate-reason"]]).toEqual([403, "operation_not_permitted"]);
  });

  it("and so is a plain request to it", async () => {
    const answer = await world.ask({ path: realtime });
    expect([answer.status, answer.json.error.code]).toEqual([400, "request_malformed"]);
    const half = await world.ask({ path: realtime, headers: { upgrade: "websocket" } });
    expect([half.status, half.json.error.message]).toEqual([
      400,
      expect.stringContaining("upgrade is required"),
    ]);
  });
});

describe("a backend that refuses the upgrade", () => {
  it.each([401, 404, 429])("with %i is heard by the client, marked as the backend's", async (status) => {
    const { faults } = world.azure.openAi;
    onTestFinished(() => faults.clear());
    // Each time: a token that is older than a second is replaced once before its 401 is passed on.
    faults.always({
      kind: "answer",
      status,
      headers: { "retry-after": "7", "www-authenticate": "Bearer" },
      body: { error: { code: "Nope", message: "not today" } },
    });
    const refused = await refusedSocket(world, { path: responses });
    expect(refused).toMatchObject({ status, json: { error: { code: "Nope" } } });
    expect(refused.headers).toMatchObject({ "x-certgate-answered-by": "backend", "retry-after": "7" });
    expect(refused.headers["www-authenticate"]).toBeUndefined();
    expect(await lastLine()).toMatchObject({ decision: "allowed", status, backend: "main" });
  });

  it("with a reset is unreachable", async () => {
    world.azure.openAi.faults.next({ kind: "reset" });
    const refused = await refusedSocket(world, { path: responses });
    expect([refused.status, refused.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
  });
});

describe("what a WebSocket makes", () => {
  it("is its client's at once, over HTTP too, and nobody else's", async () => {
    const { client } = await opened({ path: responses });
    client.send(create());
    const { response } = await client.next("response.created");
    expect((await world.ask({ path: `${responses}/${response.id}` })).status).toBe(200);
    expect((await world.ask({ path: `${responses}/${response.id}` }, neighbour)).status).toBe(404);

    const there = await opened({ path: responses, client: neighbour });
    there.client.send(create({ previous_response_id: response.id }));
    expect(await there.client.next("error")).toMatchObject({
      status: 400,
      error: { code: "previous_response_not_found", param: "previous_response_id" },
    });
    expect(await there.client.closed).toEqual({ code: 1008, reason: "object_not_found" });
    await there.backend.closed;
    expect(there.backend.messages.all).toEqual([]);
  });

  it("can be continued on its own connection when it is not kept, and on no other", async () => {
    const { client } = await opened({ path: responses });
    client.send(create({ store: false }));
    const { response } = await client.next("response.completed");
    client.send(create({ store: false, previous_response_id: response.id }));
    await client.next("response.completed");
    const again = await opened({ path: responses });
    again.client.send(create({ previous_response_id: response.id }));
    expect((await again.client.closed).reason).toBe("object_not_found");
  });
});

describe("the end of a backend's side", () => {
  it.each<[number, string]>([
    [1000, "bye"],
    [1013, "later"],
    [4000, ""],
  ])("passes its code %i and reason", async (code, reason) => {
    const { client, backend } = await opened({ path: realtime });
    backend.webSocket.close(code, reason);
    expect(await client.closed).toEqual({ code, reason });
  });

  it("without a code is passed on without one", async () => {
    const { client, backend } = await opened({ path: realtime });
    backend.webSocket.close();
    expect(await client.closed).toEqual({ code: 1005, reason: "" });
  });

  it("without a word is told as 1011, and recorded", async () => {
    const { client, backend } = await opened({ path: realtime });
    await client.next("session.created");
    backend.webSocket.terminate();
    expect(await client.next("error")).toMatchObject({ error: { code: "backend_unreachable" } });
    expect(await client.closed).toEqual({ code: 1011, reason: "backend_unreachable" });
    expect(await lastLine()).toMatchObject({
      reason: "backend_unreachable",
      decision: "allowed",
      status: 101,
    });
  });

  it("comes with a client that just vanishes", async () => {
    const { client, backend } = await opened({ path: realtime });
    client.webSocket.terminate();
    expect((await backend.closed).code).toBe(1001);
  });

  it("passes what was said before it", async () => {
    const { client, backend } = await opened({ path: realtime });
    await client.next("session.created");
    for (let n = 0; n < 100; n += 1) backend.webSocket.send(JSON.stringify({ type: "tick", n }));
    backend.webSocket.close(1000);
    for (let n = 0; n < 100; n += 1) expect(await client.next("tick")).toMatchObject({ n });
    expect((await client.closed).code).toBe(1000);
  });
});

describe("a side that does not read", () => {
  it("makes the other one wait, so that the gateway holds a bounded part of it", async () => {
    const { client, backend } = await opened({ path: realtime });
    await client.next("session.created");
    client.webSocket.pause();
    const message = JSON.stringify({ type: "delta", text: "x".repeat(100_000) });
    for (let n = 0; n < 1000; n += 1) backend.webSocket.send(message);
    // What the gateway does not read stays with its sender: until nothing moves any more.
    for (let last = -1; last !== backend.webSocket.bufferedAmount; await sleep(300))
      last = backend.webSocket.bufferedAmount;
    // Held are the kernel's buffers of two connections beside the gateway's own MiB.
    expect(100_000_000 - backend.webSocket.bufferedAmount).toBeLessThan(40_000_000);
    client.webSocket.resume();
    for (let n = 0; n < 1000; n += 1) await client.next("delta");
  });
});
