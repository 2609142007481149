import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure(config, azure) {
      // Verified against the runtime's own roots, which do not know the test CA.
      config["backends"].untrusted = { endpoint: azure.openAi.url, credential: "gateway" };
      config["backends"].dead = { endpoint: "https://127.0.0.1:1", credential: "gateway" };
      config["backends"].nameless = { endpoint: "https://does-not-exist.invalid", credential: "gateway" };
      config["deployments"].nameless = { backend: "nameless" };
      config["deployments"].untrusted = { backend: "untrusted" };
      config["deployments"].dead = { backend: "dead" };
      config["clients"]["device-1"].deployments.push("untrusted", "dead", "nameless");
      config["timeouts"] = { firstByteSeconds: 1 };
    },
  });
});
afterAll(() => world.stop());

const chat = (model: string) => ({
  path: "/openai/v1/chat/completions",
  body: { model, messages: [{ role: "user", content: "hi" }] },
});

describe("a backend", () => {
  it("that refuses connections is a 502, and the others serve on", async () => {
    const answer = await world.ask(chat("dead"));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect((await world.ask(chat("gpt-test"))).status).toBe(200);
  });

  it("whose name is not found is a 502 that says so in the log only", async () => {
    const answer = await world.ask(chat("nameless"));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect(answer.text).not.toContain("does-not-exist");
    const line = (await world.log()).find(
      ({ requestId }) => requestId === answer.headers["x-certgate-request-id"],
    );
    expect(line?.["detail"]).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  it("whose certificate is not trusted gets no token", async () => {
    const before = world.azure.openAi.requests.count;
    const answer = await world.ask(chat("untrusted"));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect(world.azure.openAi.requests.count).toBe(before);
  });

  it("that never answers is a 504, and its call is cancelled", async () => {
    world.azure.openAi.faults.next({ kind: "hang" });
    const received = world.azure.openAi.requests.next();
    const answer = await world.ask(chat("gpt-test"));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([504, "backend_timeout"]);
    expect(await (await received).outcome).toBe("aborted");
  });

  it("leaves its cause in the log, not in the answer", async () => {
    const answer = await world.ask(chat("dead"));
    expect(answer.text).not.toContain("ECONNREFUSED");
    const line = (await world.log()).find(
      ({ requestId }) => requestId === answer.headers["x-certgate-request-id"],
    );
    expect(line?.["detail"]).toContain("ECONNREFUSED");
  });
});
