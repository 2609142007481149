import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { chatOf, startTwoBackends, type TwoBackends } from "../support/two-backends.ts";

const names = [...Array.from({ length: 12 }, (_, at) => `d${at}`), "ptu", "storm", "weak"];
let world: TwoBackends;
let fresh = 0;
const next = () => `d${(fresh += 1)}`;

beforeAll(async () => {
  world = await startTwoBackends(names, (config) => {
    const { backends, deployments } = config;
    backends.quick = { ...backends.first, breaker: { failures: 1, openSeconds: 0.1, slowStartSeconds: 0 } };
    backends.patient = { ...backends.first, breaker: { failures: 1000 } };
    backends.patient2 = { ...backends.second, breaker: { failures: 1000 } };
    deployments["recovering"] = {
      backends: [
        { backend: "quick", deployment: "weak" },
        { backend: "second", deployment: "weak", priority: 2 },
      ],
    };
    deployments["storm"] = {
      backends: [{ backend: "patient" }, { backend: "patient2" }],
      retry: { budgetPercent: 0, budgetBurst: 3 },
    };
    deployments["renamed"] = { backends: [{ backend: "first", deployment: "ptu" }] };
    deployments["lone"] = { backends: [{ backend: "first", deployment: "d0" }] };
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

describe("when all backends of a deployment", () => {
  it("are throttled, the last one's answer says the shortest wait; then the gateway answers for them", async () => {
    const deployment = next();
    world.first.faults.next(faults.throttled(7));
    world.second.faults.next(faults.throttled(120));
    const answer = await world.ask(chatOf(deployment));
    expect([answer.status, answer.headers["retry-after"], answer.headers["x-certgate-answered-by"]]).toEqual([
      429,
      "7",
      "backend",
    ]);
    expect(answer.json.error.code).toBe("Throttled");
    const after = await world.ask(chatOf(deployment));
    expect([after.status, after.headers["x-certgate-reason"]]).toEqual([429, "backends_throttled"]);
    expect(Number(after.headers["retry-after"])).toBeLessThanOrEqual(7);
    expect(counts()).toEqual([1, 1]);
  });

  it("fail, the last one's answer is passed on; then the gateway says when to come back", async () => {
    const deployment = next();
    for (const backend of [world.first, world.second]) backend.faults.next(faults.serverError());
    expect((await world.ask(chatOf(deployment))).status).toBe(500);
    const after = await world.ask(chatOf(deployment));
    expect([after.status, after.headers["x-certgate-reason"]]).toEqual([503, "no_healthy_backend"]);
    expect(Number(after.headers["retry-after"])).toBeGreaterThan(0);
    expect(after.text).not.toContain("first");
    expect(counts()).toEqual([1, 1]);
  });

  it("break off, the fault says when to come back", async () => {
    for (const backend of [world.first, world.second]) backend.faults.next({ kind: "reset" });
    const answer = await world.ask(chatOf(next()));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  });
});

describe("a pool", () => {
  it("leaves a lone backend its own word about its limits", async () => {
    world.first.faults.next(faults.throttled(30), 2);
    const statuses = [];
    for (let time = 0; time < 3; time += 1) statuses.push((await world.ask(chatOf("lone"))).status);
    expect(statuses).toEqual([429, 429, 200]);
  });

  it("comes back to a backend when it works again", async () => {
    world.first.faults.next(faults.serverError());
    expect((await world.ask(chatOf("recovering"))).status).toBe(200);
    expect(counts()).toEqual([1, 1]);
    await vi.waitFor(async () => {
      expect((await world.ask(chatOf("recovering"))).status).toBe(200);
      expect(world.first.requests.count).toBe(2);
    });
  });

  it("does not multiply an outage: few requests are tried twice when everything fails", async () => {
    for (const backend of [world.first, world.second]) backend.faults.always(faults.serverError());
    const answers = await Promise.all(Array.from({ length: 30 }, () => world.ask(chatOf("storm"))));
    expect(answers.every(({ status }) => status === 500)).toBe(true);
    const [first = 0, second = 0] = counts();
    expect(first + second).toBe(30 + 3);
  });

  it("shows what is open, and does not take the gateway out of service for it", async () => {
    const deployment = next();
    world.first.faults.next(faults.throttled(60));
    await world.ask(chatOf(deployment));
    const listed = (await (await world.admin("/backends")).json()) as { backends: Record<string, unknown>[] };
    expect(
      listed.backends.find((one) => one["deployment"] === deployment && one["backend"] === "first"),
    ).toMatchObject({ state: "open", reason: "paused", seen: "429", outstanding: 0 });
    const ready = await world.admin("/readyz");
    expect(ready.status).toBe(200);
    expect(await ready.text()).toContain("backend first");
    const metrics = await (await world.admin("/metrics")).text();
    expect(metrics).toContain(
      `certgate_backend_circuit{backend="first",deployment="${deployment}",state="open"} 1`,
    );
  });
});

describe("what is stored at one backend", () => {
  it("is gone on with there, wherever new requests go now", async () => {
    const deployment = next();
    const responses = (body: object) => world.ask({ path: "/openai/v1/responses", body });
    world.first.faults.next(faults.throttled(1));
    const made = await responses({ model: deployment, input: "hi" });
    expect([made.status, ...counts()]).toEqual([200, 1, 1]);
    await vi.waitFor(async () => {
      await world.ask(chatOf(deployment));
      expect(world.first.requests.count).toBe(2);
    }, 5000);
    const before = world.second.requests.count;
    const gone = await responses({ model: deployment, input: "on", previous_response_id: made.json.id });
    expect(gone.status).toBe(200);
    expect((await world.ask({ path: `/openai/v1/responses/${made.json.id}` })).status).toBe(200);
    expect(world.second.requests.count).toBe(before + 2);
    expect(world.first.requests.count).toBe(2);
  });
});

describe("a deployment that its backend calls otherwise", () => {
  it("is renamed in path and body, and all else arrives byte for byte", async () => {
    const headers = { "content-type": "application/json" };
    const body = (model: string) =>
      `{ "model" : "${model}",\n"messages":[{"role":"user","content":"renamed"}]}`;
    const v1 = { path: "/openai/v1/chat/completions", headers, body: body("renamed") };
    expect((await world.ask(v1)).status).toBe(200);
    expect((await world.first.requests.last?.body)?.toString()).toBe(body("ptu"));
    expect(world.first.requests.last?.header("content-length")).toBe(String(body("ptu").length));
    expect((await world.ask({ ...chatOf("renamed"), headers, body: body("renamed") })).status).toBe(200);
    expect(world.first.requests.last?.url).toBe(chatOf("ptu").path);
    expect((await world.first.requests.last?.body)?.toString()).toBe(body("ptu"));
  });

  it("is not asked for by the backend's name", async () => {
    expect((await world.ask(chatOf("ptu-unknown"))).status).toBe(403);
  });

  it("takes no batch whose lines name it", async () => {
    const line =
      '{"custom_id":"1","method":"POST","url":"/chat/completions","body":{"model":"renamed","messages":[]}}';
    const part = (name: string, content: string, file = "") =>
      `--b\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
    const answer = await world.ask({
      path: "/openai/v1/files",
      headers: { "content-type": "multipart/form-data; boundary=b" },
      body: `${part("purpose", "batch")}${part("file", line, '; filename="in.jsonl"')}--b--\r\n`,
    });
    expect([answer.status, answer.json.error.code]).toEqual([403, "deployment_not_permitted"]);
    expect(answer.json.error.message).toContain("cannot be renamed");
    expect(counts()).toEqual([0, 0]);
  });
});
