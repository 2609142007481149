import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";
import { startTwoBackends, type TwoBackends } from "../support/two-backends.ts";

const unreachable = ["unresolved", "refused", "untrusted"];
const names = [...Array.from({ length: 30 }, (_, at) => `d${at}`), ...unreachable];
let world: TwoBackends;
/** A deployment that no test before has used: nothing is known of its backends yet. */
let fresh = 0;
const next = () => `d${(fresh += 1)}`;

beforeAll(async () => {
  world = await startTwoBackends(names, (config) => {
    config["timeouts"] = { quickFirstByteSeconds: 0.5 };
    const { backends, deployments } = config;
    backends.unresolved = { ...backends.first, endpoint: "https://does-not-exist.invalid" };
    backends.refused = { ...backends.first, endpoint: "https://127.0.0.1:1" };
    // Verified against the runtime's own roots, which do not know the test CA.
    backends.untrusted = { ...backends.first, caFile: undefined };
    for (const bad of unreachable)
      deployments[bad] = { backends: [{ backend: bad }, { backend: "second", priority: 2 }] };
    deployments["d0"] = {
      backends: [
        { backend: "first", deployment: "d1" },
        { backend: "second", priority: 2 },
      ],
    };
    deployments["renamed"] = { backends: [{ backend: "first", deployment: "d0" }] };
    deployments["lone"] = { backends: [{ backend: "first" }] };
  });
});
afterAll(() => world.stop());
afterEach(() => {
  for (const backend of [world.first, world.second]) {
    backend.faults.clear();
    backend.sockets.clear();
  }
});

const realtime = (deployment: string) => ({ path: `/openai/v1/realtime?model=${deployment}` });
const counts = () => [world.first.sockets.count, world.second.sockets.count];
const lineOf = async (deployment: string) =>
  (await world.log()).findLast((entry) => entry["deployment"] === deployment && entry["msg"] === "request");
/** What is under way at the first backend. */
async function outstanding(deployment: string): Promise<unknown> {
  const { backends } = (await (await world.admin("/backends")).json()) as {
    backends: Record<string, unknown>[];
  };
  return backends.find((one) => one["deployment"] === deployment && one["backend"] === "first")?.[
    "outstanding"
  ];
}
/** Opens it, and has it end; a WebSocket is logged when it is over. */
async function openAndClose(deployment: string) {
  const client = await openSocket(world, realtime(deployment));
  await client.next("session.created");
  client.webSocket.close();
  await client.closed;
  await expect.poll(() => lineOf(deployment)).toBeDefined();
}

describe("a WebSocket is opened at the next backend", () => {
  it.each([
    ["429 with Retry-After", faults.throttled(30)],
    ["429 without", { kind: "answer", status: 429 } as const],
    ["500", faults.serverError()],
    ["503", faults.serverError(503)],
    ["a connection that is reset", { kind: "reset" } as const],
    ["a backend that accepts and never answers", { kind: "hang" } as const],
  ])("after %s, and the one after it goes there at once", async (_what, fault) => {
    const deployment = next();
    world.first.faults.next(fault);
    await openAndClose(deployment);
    expect(counts()).toEqual([0, 1]);
    expect(await lineOf(deployment)).toMatchObject({ backend: "second", attempts: 2, status: 101 });
    // The first would open it now: it is not asked.
    await openAndClose(deployment);
    expect(counts()).toEqual([0, 2]);
  });

  it.each(unreachable)("when the first cannot be reached: %s", async (deployment) => {
    await openAndClose(deployment);
    expect(counts()).toEqual([0, 1]);
    expect(await lineOf(deployment)).toMatchObject({ backend: "second", attempts: 2, status: 101 });
  });

  it("when the first calls the deployment otherwise: messages cannot be renamed", async () => {
    await openAndClose("d0");
    expect(counts()).toEqual([0, 1]);
    expect(await lineOf("d0")).toMatchObject({ backend: "second", attempts: 1 });
  });
});

describe("a WebSocket is not opened elsewhere", () => {
  it.each([400, 403, 404])("when the backend says with %i that the wish was wrong", async (status) => {
    world.first.faults.next({ kind: "answer", status, body: { error: { code: "Nope" } } });
    expect(await refusedSocket(world, realtime(next()))).toMatchObject({
      status,
      json: { error: { code: "Nope" } },
    });
    expect(counts()).toEqual([0, 0]);
  });

  it("when no backend has the deployment under its name", async () => {
    const refused = await refusedSocket(world, realtime("renamed"));
    expect([refused.status, refused.headers["x-certgate-reason"]]).toEqual([403, "deployment_not_permitted"]);
    expect(refused.json.error.message).toContain("cannot be renamed");
    expect(counts()).toEqual([0, 0]);
  });

  it("once it is open: it ends with its backend, whose circuit opens for the next one", async () => {
    const deployment = next();
    const arriving = world.first.sockets.next();
    const client = await openSocket(world, realtime(deployment));
    await client.next("session.created");
    (await arriving).webSocket.terminate();
    expect(await client.closed).toEqual({ code: 1011, reason: "backend_unreachable" });
    await openAndClose(deployment);
    expect(counts()).toEqual([1, 1]);
  });

  it("when its client has left", async () => {
    const deployment = next();
    world.first.faults.next({ kind: "hang" });
    const { root, client } = world.pki;
    const wish = connect({
      host: "localhost",
      port: world.certgate.port,
      ca: root.pem,
      cert: client.chainPem,
      key: client.keyPem,
    });
    wish.on("error", () => {});
    wish.write(
      `GET ${realtime(deployment).path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await expect.poll(() => outstanding(deployment)).toBe(1);
    wish.destroy();
    await expect.poll(() => lineOf(deployment)).toMatchObject({ status: 499, attempts: 1 });
    expect(counts()).toEqual([0, 0]);
  });
});

describe("when no backend opens it", () => {
  it("the last one's refusal says the shortest wait; then the gateway answers for them", async () => {
    const deployment = next();
    world.first.faults.next(faults.throttled(7));
    world.second.faults.next(faults.throttled(120));
    const refused = await refusedSocket(world, realtime(deployment));
    expect(refused).toMatchObject({ status: 429, json: { error: { code: "Throttled" } } });
    expect(refused.headers).toMatchObject({ "retry-after": "7", "x-certgate-answered-by": "backend" });
    const after = await refusedSocket(world, realtime(deployment));
    expect([after.status, after.headers["x-certgate-reason"]]).toEqual([429, "backends_throttled"]);
    expect(Number(after.headers["retry-after"])).toBeLessThanOrEqual(7);
    // What an upgrade taught, requests know.
    const chat = { path: "/openai/v1/chat/completions", body: { model: deployment, messages: [] } };
    expect((await world.ask(chat)).headers["x-certgate-reason"]).toBe("backends_throttled");
  });

  it("the gateway says that they cannot be reached, and when to come back", async () => {
    const deployment = next();
    for (const backend of [world.first, world.second]) backend.faults.next({ kind: "reset" });
    const refused = await refusedSocket(world, realtime(deployment));
    expect([refused.status, refused.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    const after = await refusedSocket(world, realtime(deployment));
    expect([after.status, after.headers["x-certgate-reason"]]).toEqual([503, "no_healthy_backend"]);
  });

  it("a lone backend's own word is passed on, each time", async () => {
    world.first.faults.next(faults.throttled(30), 2);
    for (let time = 0; time < 2; time += 1)
      expect((await refusedSocket(world, realtime("lone"))).status).toBe(429);
  });
});

describe("a WebSocket", () => {
  it("is under way at its backend for as long as it is open", async () => {
    const deployment = next();
    const client = await openSocket(world, realtime(deployment));
    expect(await outstanding(deployment)).toBe(1);
    client.webSocket.close();
    await client.closed;
    await expect.poll(() => outstanding(deployment)).toBe(0);
  });
});

describe("a WebSocket of the Responses API", () => {
  const path = "/openai/v1/responses";
  const create = (model: string, more: object = {}) => ({
    type: "response.create",
    model,
    input: "hi",
    ...more,
  });

  it("is opened where the client's deployments also live, and finds only what was made there", async () => {
    await world.reconfigure((config) => {
      config["clients"]["device-1"].deployments = ["d29"];
    });
    const one = await openSocket(world, { path });
    one.send(create("d29"));
    const { response } = await one.next("response.completed");
    world.first.faults.next({ kind: "reset" });
    const two = await openSocket(world, { path });
    expect(counts()).toEqual([1, 1]);
    two.send(create("d29", { previous_response_id: response.id }));
    expect(await two.next("error")).toMatchObject({ error: { code: "previous_response_not_found" } });
    expect(await two.closed).toEqual({ code: 1008, reason: "object_not_found" });
    one.send(create("d29", { previous_response_id: response.id }));
    await one.next("response.completed");
  });
});
