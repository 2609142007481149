import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

/** So long that all of them wait for the token: each brings a handshake of its own. */
const issuerTakesMs = 6000;

let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure: (_config, azure) => azure.managedIdentity.faults.always({ kind: "delay", ms: issuerTakesMs }),
  });
});
afterAll(() => world.stop());

it("two hundred first requests, each over a connection of its own, fetch one token", async () => {
  const startedAt = Date.now();
  const question = {
    path: "/openai/v1/chat/completions",
    body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
  };
  const answers = await Promise.all(Array.from({ length: 200 }, () => world.ask(question)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(world.azure.managedIdentity.requests.count).toBe(1);
  expect(world.azure.openAi.requests.count).toBe(200);
  const lines = (await world.log()).filter(({ msg }) => msg === "request");
  expect(lines).toHaveLength(200);
  // None came when the token was there already: then this would prove nothing.
  const arrivals = lines.map((line) => Date.parse(String(line["startedAt"])) - startedAt);
  expect(Math.max(...arrivals)).toBeLessThan(issuerTakesMs - 500);
});
