import { Agent } from "node:https";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { begin } from "../support/ask.ts";
import { chatOf, startTwoBackends, type TwoBackends } from "../support/two-backends.ts";

const names = Array.from({ length: 20 }, (_, at) => `d${at}`);
let world: TwoBackends;
/** A deployment that no test before has used: nothing is known of its backends yet. */
let fresh = 0;
const next = () => `d${(fresh += 1)}`;

beforeAll(async () => {
  world = await startTwoBackends(names, (config) => {
    config["timeouts"] = { firstByteSeconds: 1 };
    const backends = config["backends"];
    backends.unresolved = { ...backends.first, endpoint: "https://does-not-exist.invalid" };
    backends.refused = { ...backends.first, endpoint: "https://127.0.0.1:1" };
    // Verified against the runtime's own roots, which do not know the test CA.
    backends.untrusted = { ...backends.first, caFile: undefined };
    for (const bad of ["unresolved", "refused", "untrusted"])
      config["deployments"][bad] = {
        backends: [
          { backend: bad, deployment: "d0" },
          { backend: "second", deployment: "d0", priority: 2 },
        ],
      };
    config["deployments"].late = {
      backends: [
        { backend: "first", deployment: "d0" },
        { backend: "second", deployment: "d0", priority: 2 },
      ],
      retry: { totalSeconds: 0.2 },
    };
  });
});
afterAll(() => world.stop());
afterEach(() => {
  for (const backend of [world.first, world.second]) {
    backend.faults.clear();
    backend.requests.clear();
  }
});

const counts = () => [world.first.requests.count, world.second.requests.count];
const response = (deployment: string) => ({
  path: "/openai/v1/responses",
  body: { model: deployment, input: "hi" },
});

describe("a request is tried at the next backend", () => {
  it.each([
    ["429 with Retry-After", faults.throttled(30)],
    ["429 without", { kind: "answer", status: 429 } as const],
    ["500", faults.serverError()],
    ["503", faults.serverError(503)],
    ["a connection that is reset before the first byte", { kind: "reset" } as const],
    ["a backend that accepts and never answers", { kind: "hang" } as const],
  ])("after %s, and the one after it goes there at once", async (_what, fault) => {
    const deployment = next();
    world.first.faults.next(fault);
    expect((await world.ask(chatOf(deployment))).status).toBe(200);
    expect(counts()).toEqual([1, 1]);
    const line = (await world.log()).findLast((entry) => entry["deployment"] === deployment);
    expect(line).toMatchObject({ backend: "second", attempts: 2, status: 200 });
    expect((await world.ask(chatOf(deployment))).status).toBe(200);
    expect(counts()).toEqual([1, 2]);
  });

  it.each(["unresolved", "refused", "untrusted"])("when nothing could be sent: %s", async (deployment) => {
    for (const operation of [chatOf(deployment), response(deployment)])
      expect((await world.ask(operation)).status).toBe(200);
    expect(counts()).toEqual([0, 2]);
  });

  it("after 429, whatever the operation: it was not served", async () => {
    world.first.faults.next(faults.throttled(30));
    expect((await world.ask(response(next()))).status).toBe(200);
    expect(counts()).toEqual([1, 1]);
  });

  it("with its very bytes", async () => {
    world.first.faults.next(faults.serverError());
    const body = '{ "messages":[{"role":"user","content":"\\u00e4 ü"}],\n"seed":1e3 }';
    await world.ask({
      ...chatOf(next()),
      body,
      headers: { "content-type": "application/json", "x-request-id": "mine" },
    });
    const sent = [await world.first.requests.last?.body, await world.second.requests.last?.body];
    expect(sent.map((bytes) => bytes?.toString())).toEqual([body, body]);
    expect(world.second.requests.last?.header("x-request-id")).toBe("mine");
  });
});

describe("a request is not tried again", () => {
  it.each([
    ["500", faults.serverError(), 500],
    ["503 with Retry-After", { ...faults.serverError(503), headers: { "retry-after": "9" } }, 503],
    ["a reset", { kind: "reset" } as const, 502],
    ["no answer", { kind: "hang" } as const, 504],
  ])("when it may have been served and twice would do harm: %s", async (_what, fault, status) => {
    world.first.faults.next(fault);
    expect((await world.ask(response(next()))).status).toBe(status);
    expect(counts()).toEqual([1, 0]);
  });

  it("when a completion would be stored twice", async () => {
    world.first.faults.next(faults.serverError());
    expect((await world.ask(chatOf(next(), { store: true }))).status).toBe(500);
    expect(counts()).toEqual([1, 0]);
  });

  it("when it was wrong itself", async () => {
    world.first.faults.next({ kind: "answer", status: 400, body: { error: { code: "BadRequest" } } });
    expect((await world.ask(chatOf(next()))).status).toBe(400);
    expect(counts()).toEqual([1, 0]);
  });

  it("when its client has seen the first byte: the connection is cut", async () => {
    world.first.faults.next({ kind: "reset-midway" });
    await expect(world.ask(chatOf(next(), { stream: true }))).rejects.toThrow(/aborted|hang up|reset/i);
    expect(counts()).toEqual([1, 0]);
  });

  it("when the time for it is over", async () => {
    world.first.faults.next({ kind: "hang" });
    expect((await world.ask(chatOf("late"))).status).toBe(504);
    expect(counts()).toEqual([1, 0]);
  });

  it("when its client has left, and the attempt under way is cancelled", async () => {
    const deployment = next();
    world.first.faults.next(faults.serverError());
    world.second.faults.next({ kind: "hang" });
    const arrived = world.second.requests.next();
    const agent = new Agent();
    const asking = begin(
      { port: world.certgate.port, ca: world.pki.root.pem, client: world.pki.client, agent },
      chatOf(deployment),
    );
    asking.catch(() => {});
    const received = await arrived;
    agent.destroy();
    expect(await received.outcome).toBe("aborted");
    await expect(asking).rejects.toThrow(/hang up|aborted|destroyed|reset|closed/i);
    await vi.waitFor(async () =>
      expect((await world.log()).findLast((entry) => entry["deployment"] === deployment)).toMatchObject({
        status: 499,
        attempts: 2,
      }),
    );
  });
});
