import { once } from "node:events";
import { Agent } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Fault, faults } from "../../src/dev/azure/faults.ts";
import { ask } from "../support/ask.ts";
import { type RawBackend, startRawBackend } from "../support/raw-backend.ts";
import { createTestPki } from "../support/test-pki.ts";
import { chatOf, startTwoBackends, type TwoBackends } from "../support/two-backends.ts";

const names = Array.from({ length: 10 }, (_, at) => `d${at}`);
let world: TwoBackends;
/** Accepts requests, and answers none while its `answer` is undefined. */
let halfDead: RawBackend;
/** Accepts connections and never says a word, not even of TLS. */
let mute: ReturnType<typeof createServer>;
const muted = new Set<Socket>();
let agent: Agent;
let fresh = 0;
const next = () => `d${(fresh += 1)}`;

const well = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
const atOnce = 20;

beforeAll(async () => {
  const pki = await createTestPki();
  halfDead = await startRawBackend(pki);
  mute = createServer((socket) => {
    muted.add(socket.on("error", () => {}));
  }).listen(0, "127.0.0.1");
  await once(mute, "listening");
  world = await startTwoBackends(
    names,
    (config) => {
      config["timeouts"] = { totalSeconds: 3 };
      const { backends, deployments } = config;
      const other = { backend: "second", deployment: "d0", priority: 2 };
      // Longer than a probe and its wait: while it is open, none but probes may be sent, on a busy machine too.
      const quick = { failures: 1, openSeconds: 1, slowStartSeconds: 0 };
      backends.mute = {
        ...backends.first,
        endpoint: `https://localhost:${(mute.address() as AddressInfo).port}`,
        timeouts: { connectSeconds: 0.3 },
      };
      backends.probed = {
        ...backends.first,
        endpoint: halfDead.url,
        breaker: quick,
        probe: { path: "/health", intervalSeconds: 0.2, timeoutSeconds: 0.2 },
      };
      for (const at of ["mute", "probed"])
        deployments[at] = { backends: [{ backend: at, deployment: "d0" }, other] };
      deployments.lone = { backends: [{ backend: "first", deployment: "d0" }] };
    },
    { pki },
  );
  const { root, client } = world.pki;
  agent = new Agent({ ca: root.pem, cert: client.chainPem, key: client.keyPem, keepAlive: true });
});
afterAll(async () => {
  agent.destroy();
  await world.stop();
  halfDead.stop();
  for (const socket of muted) socket.destroy();
  mute.close();
});
afterEach(() => {
  for (const backend of [world.first, world.second]) {
    backend.faults.clear();
    backend.requests.clear();
  }
});

const counts = () => [world.first.requests.count, world.second.requests.count];

/** So many questions, `atOnce` of them at the same time. @returns how often each status came, and the last answer */
async function storm(deployment: string, count: number) {
  const statuses: Record<number, number> = {};
  let left = count;
  let last: Awaited<ReturnType<typeof ask>> | undefined;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      last = await ask(
        { port: world.certgate.port, ca: world.pki.root.pem, client: world.pki.client, agent },
        chatOf(deployment),
      );
      statuses[last.status] = (statuses[last.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return { statuses, last };
}
const without: Fault = { kind: "answer", status: 429, body: { error: { code: "429" } } };

describe("a storm of 429", () => {
  it.each([
    ["with Retry-After", faults.throttled(30)],
    ["without", without],
  ])("%s from one backend costs no request, and it is left alone", async (_what, fault) => {
    world.first.faults.always(fault);
    expect((await storm(next(), 200)).statuses).toEqual({ 200: 200 });
    const [first, second] = counts();
    // Those that were under way at the first 429; without a hint also one at a time after 1, 2, 4 ... seconds.
    expect(first).toBeLessThanOrEqual(atOnce + 3);
    expect(second).toBe(200);
  });

  it.each([
    ["with Retry-After", faults.throttled(30), 30],
    ["without", without, 2],
  ])("%s from all of them reaches none of them any more", async (_what, fault, longest) => {
    for (const backend of [world.first, world.second]) backend.faults.always(fault);
    const { statuses, last } = await storm(next(), 200);
    expect(statuses).toEqual({ 429: 200 });
    expect(Math.max(...counts())).toBeLessThanOrEqual(atOnce + 3);
    expect(last?.headers["x-certgate-reason"]).toBe("backends_throttled");
    const seconds = Number(last?.headers["retry-after"]);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(longest);
  });
});

describe("a backend that is half dead", () => {
  it("accepts connections and never speaks TLS: nothing was sent, so even what is not repeatable goes elsewhere", async () => {
    const answer = await world.ask({
      path: "/openai/v1/responses",
      body: { model: "mute", input: "hi" },
    });
    expect([answer.status, ...counts()]).toEqual([200, 0, 1]);
  });

  it("accepts probes and answers none: no request is sent there until it does", async () => {
    const circuit = async () => {
      const listed = (await (await world.admin("/backends")).json()) as {
        backends: { backend: string; state: string }[];
      };
      return listed.backends.find(({ backend }) => backend === "probed")?.state;
    };
    await expect.poll(circuit, { timeout: 5000 }).toBe("open");
    expect((await world.ask(chatOf("probed"))).status).toBe(200);
    expect(counts()).toEqual([0, 1]);
    expect(halfDead.received.join("")).toContain("GET /health HTTP/1.1");
    expect(halfDead.received.join("")).not.toMatch(/POST|authorization/i);
    halfDead.answer = well;
    await expect.poll(circuit, { timeout: 5000 }).toBe("closed");
    expect((await world.ask(chatOf("probed"))).text).toBe("{}");
    expect(counts()).toEqual([0, 1]);
  });
});

describe("the time for an exchange as a whole", () => {
  it("ends a wait for the head", async () => {
    world.first.faults.next({ kind: "hang" });
    const answer = await world.ask(chatOf("lone"));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([504, "backend_timeout"]);
  });

  it("ends a stream that never pauses", async () => {
    world.first.setPace({ bytes: 1e9, chunkBytes: 1000, intervalMs: 50 });
    const received = world.first.requests.next();
    const startedAt = Date.now();
    await expect(world.ask(chatOf(next(), { stream: true }))).rejects.toThrow(/aborted|hang up|reset/i);
    expect(Date.now() - startedAt).toBeGreaterThan(2500);
    expect(await (await received).outcome).toBe("aborted");
    world.first.setPace({});
  });
});
