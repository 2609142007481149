import { describe, expect, it } from "vitest";
import { startWorld } from "../support/world.ts";

const v1 = "/openai/v1";

describe("an ownership file that cannot be opened", () => {
  it("keeps no gateway from starting, and refuses what needs it", async () => {
    const world = await startWorld({
      configure(config) {
        config["ownership"] = { file: "root.pem/ownership.sqlite" };
      },
    });
    const inference = await world.ask({
      path: `${v1}/chat/completions`,
      body: { model: "gpt-test", messages: [{ role: "user", content: "hello" }] },
    });
    expect(inference.status).toBe(200);
    const stored = await world.ask({ path: `${v1}/responses/resp_1` });
    expect([stored.status, stored.headers["x-certgate-reason"]]).toEqual([503, "ownership_unavailable"]);
    await world.stop();
  });
});
