import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure: (_config, azure) => azure.managedIdentity.faults.always({ kind: "delay", ms: 500 }),
  });
});
afterAll(() => world.stop());

it("fifty first requests fetch one token", async () => {
  const question = {
    path: "/openai/v1/chat/completions",
    body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.ask(question)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(world.azure.managedIdentity.requests.count).toBe(1);
});
