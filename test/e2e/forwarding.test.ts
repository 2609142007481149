import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const chat = { model: "gpt-test", messages: [{ role: "user", content: "hello there" }] };

describe("a device with a certificate", () => {
  it("gets its completion with the deployment in the body", async () => {
    const answer = await world.ask({ path: "/openai/v1/chat/completions", body: chat });
    expect(answer.status).toBe(200);
    expect(answer.json.choices[0].message.content).toContain("there");
    expect(answer.headers["x-certgate-answered-by"]).toBe("backend");
  });

  it("gets its completion with the deployment in the path", async () => {
    const answer = await world.ask({
      path: "/openai/deployments/gpt-test/chat/completions?api-version=2024-10-21",
      body: { messages: chat.messages },
    });
    expect(answer.status).toBe(200);
  });

  it("gets embeddings and responses", async () => {
    const embeddings = await world.ask({
      path: "/openai/v1/embeddings",
      body: { model: "gpt-test", input: "x" },
    });
    const responses = await world.ask({
      path: "/openai/v1/responses",
      body: { model: "gpt-test", input: "x" },
    });
    expect([embeddings.status, responses.status]).toEqual([200, 200]);
  });

  it("sees its own deployments in the model list and no others", async () => {
    const answer = await world.ask({ path: "/openai/v1/models" });
    expect(answer.json.data.map(({ id }: { id: string }) => id)).toEqual(["gpt-test"]);
  });

  it("gets the backend's rate limit and request id headers", async () => {
    const { headers } = await world.ask({ path: "/openai/v1/chat/completions", body: chat });
    expect(headers["apim-request-id"]).toBeDefined();
    expect(headers["x-ratelimit-remaining-requests"]).toBeDefined();
  });

  it("gets a backend's own error as the backend gave it, marked as the backend's", async () => {
    world.azure.openAi.faults.next({
      kind: "answer",
      status: 429,
      headers: { "retry-after": "7", "retry-after-ms": "6500" },
      body: { error: { code: "429", message: "slow down" } },
    });
    const answer = await world.ask({ path: "/openai/v1/chat/completions", body: chat });
    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBe("7");
    expect(answer.headers["retry-after-ms"]).toBe("6500");
    expect(answer.headers["x-certgate-answered-by"]).toBe("backend");
    expect(answer.headers["x-certgate-reason"]).toBeUndefined();
  });
});

describe("what the backend receives", () => {
  const receive = async (headers: Record<string, string | string[]>) => {
    const next = world.azure.openAi.requests.next();
    await world.ask({ path: "/openai/v1/chat/completions?api-version=preview", body: chat, headers });
    return next;
  };

  it("is the very body that was authorised", async () => {
    const received = await receive({});
    expect(JSON.parse((await received.body).toString("utf8"))).toEqual(chat);
    expect(received.url).toBe("/openai/v1/chat/completions?api-version=preview");
  });

  it("carries the gateway's token and none of the client's credentials", async () => {
    const received = await receive({
      authorization: "Bearer client-token",
      "api-key": "client-key",
      cookie: "session=client",
      "ocp-apim-subscription-key": "client-key",
      "x-forwarded-for": "10.0.0.1",
      "x-ms-client-principal": "somebody",
    });
    expect(received.header("authorization")).toMatch(/^Bearer /);
    expect(
      received.rawHeaders.filter((part) =>
        /client-token|client-key|session=|10\.0\.0\.1|somebody/.test(part),
      ),
    ).toEqual([]);
  });

  it("carries exactly one authorization header when the client sent Expect", async () => {
    const received = await receive({ expect: "100-continue", authorization: "Bearer client-token" });
    const values = received.rawHeaders.filter((_, at, all) => all[at - 1]?.toLowerCase() === "authorization");
    expect(values).toHaveLength(1);
    expect(values[0]).not.toContain("client-token");
  });
});

describe("what is refused after the caller is known", () => {
  it.each([
    [
      "a deployment of somebody else",
      { path: "/openai/v1/chat/completions", body: { ...chat, model: "gpt-other" } },
      403,
      "deployment_not_permitted",
    ],
    [
      "a deployment that does not exist",
      { path: "/openai/v1/chat/completions", body: { ...chat, model: "gpt-none" } },
      403,
      "deployment_not_permitted",
    ],
    [
      "a body that names no deployment",
      { path: "/openai/v1/chat/completions", body: { messages: [] } },
      400,
      "request_malformed",
    ],
    [
      "a body that is not JSON",
      { path: "/openai/v1/chat/completions", body: "{", headers: { "content-type": "application/json" } },
      400,
      "request_malformed",
    ],
    [
      "an operation that is not known",
      { path: "/openai/v1/unheard-of", body: chat },
      404,
      "operation_unknown",
    ],
    [
      "a path with dot segments",
      { path: "/openai/deployments/gpt-test/../gpt-other/chat/completions?api-version=1", body: chat },
      400,
      "request_malformed",
    ],
    [
      "a query that names a model",
      { path: "/openai/v1/chat/completions?model=gpt-other", body: chat },
      400,
      "request_malformed",
    ],
  ])("%s", async (_what, question, status, code) => {
    const before = world.azure.openAi.requests.count;
    const answer = await world.ask(question);
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([status, code]);
    expect(answer.json.error.code).toBe(code);
    expect(world.azure.openAi.requests.count).toBe(before);
  });

  it("says the same of a deployment that exists and of one that does not", async () => {
    const [theirs, nobodys] = await Promise.all(
      ["gpt-other", "gpt-none_"].map((model) =>
        world.ask({ path: "/openai/v1/chat/completions", body: { ...chat, model } }),
      ),
    );
    expect(theirs?.json.error.message.replace("gpt-other", "X")).toBe(
      nobodys?.json.error.message.replace("gpt-none_", "X"),
    );
  });

  it("a body over the limit, without reading it", async () => {
    const answer = await world.ask({
      path: "/openai/v1/chat/completions",
      headers: { "content-type": "application/json", "content-length": String(64 * 1024 * 1024) },
      body: "x",
    });
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([413, "body_too_large"]);
  });
});

describe("the log", () => {
  it("has one line a request with its decision, and no token, prompt or key", async () => {
    const { headers } = await world.ask({
      path: "/openai/v1/chat/completions",
      body: { ...chat, messages: [{ role: "user", content: "swordfish" }] },
    });
    const lines = await world.log();
    const mine = lines.filter(({ requestId }) => requestId === headers["x-certgate-request-id"]);
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({
      client: "device-1",
      thumbprint: world.pki.client.thumbprint,
      deployment: "gpt-test",
      decision: "allowed",
      status: 200,
      backend: "main",
    });
    const text = JSON.stringify(lines);
    expect(text).not.toContain("swordfish");
    expect(text).not.toContain("Bearer");
  });
});
