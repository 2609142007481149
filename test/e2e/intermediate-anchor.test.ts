import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  const pki = await createTestPki();
  world = await startWorld({
    pki,
    files: { "intermediate.pem": pki.intermediate.pem },
    configure(config) {
      config["trust"].anchors = [{ file: "intermediate.pem" }];
    },
  });
});
afterAll(() => world.stop());

it("an intermediate CA as the only anchor lets its clients in", async () => {
  expect((await world.ask({ path: "/openai/v1/models" })).status).toBe(200);
});
