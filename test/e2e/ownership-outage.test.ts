import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Question } from "../support/ask.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startWorld, type World } from "../support/world.ts";

const v1 = "/openai/v1";
const respond: Question = { path: `${v1}/responses`, body: { model: "gpt-test", input: "hello there" } };

describe.skipIf(!hasRedis)("while the Redis that knows the owners is away", () => {
  let redis: RedisServer & { readonly port: number };
  let world: World;
  let before: string;
  beforeAll(async () => {
    redis = await startRedis();
    world = await startWorld({
      configure(config) {
        config["ownership"] = { redis: { url: redis.url } };
        config["clients"]["device-1"].operations = ["inference", "assistants"];
      },
    });
    before = (await world.ask(respond)).json.id;
    await redis.stop();
  });
  afterAll(() => world.stop());

  it.each([
    ["reaching", () => ({ path: `${v1}/responses/${before}` })],
    ["deleting", () => ({ path: `${v1}/responses/${before}`, method: "DELETE" })],
    ["naming", () => ({ ...respond, body: { ...(respond.body as object), previous_response_id: before } })],
  ])(
    "%s an object is refused with a hint when to try again, and the backend is not asked",
    async (_, ask) => {
      const asked = world.azure.openAi.requests.count;
      const answer = await world.ask(ask());
      expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([503, "ownership_unavailable"]);
      expect(answer.headers["retry-after"]).toBe("5");
      expect(world.azure.openAi.requests.count).toBe(asked);
    },
  );

  it("the answer that makes an object is withheld where its id is all that it is worth", async () => {
    const answer = await world.ask({ path: `${v1}/threads`, body: {} });
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([503, "ownership_unavailable"]);
    expect(answer.text).not.toContain("thread_");
  });

  it("inference goes on, its stored response is nobody's, and the log says so", async () => {
    const answer = await world.ask(respond);
    expect([answer.status, answer.json.object]).toEqual([200, "response"]);
    const lines = await world.log();
    expect(lines.find(({ msg }) => msg === "a stored object stays nobody's")).toMatchObject({
      requestId: answer.headers["x-certgate-request-id"],
      client: "device-1",
      kind: "response",
    });
    expect(
      (await world.ask({ ...respond, body: { ...(respond.body as object), store: false } })).status,
    ).toBe(200);
  });

  it("and when it is back, everything works again without a restart", async () => {
    const back = await startRedis(redis.port);
    const made = async () => (await world.ask({ path: `${v1}/threads`, body: {} })).status;
    await expect.poll(made, { timeout: 10_000 }).toBe(200);
    await back.stop();
  });
});
