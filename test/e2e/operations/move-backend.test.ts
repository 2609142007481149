import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalOpenAi, startOpenAi } from "../../../src/dev/azure/openai/server.ts";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";
import { startWorld, type World } from "../../support/world.ts";

let cast: SteadyCast;
let world: World;
let next: LocalOpenAi;

beforeAll(async () => {
  cast = await steadyCast();
  world = await startWorld({ pki: cast.pki, files: cast.files, configure: cast.enter });
  next = await startOpenAi({
    tls: { cert: cast.pki.server.chainPem, key: cast.pki.server.keyPem },
    tokens: world.azure.tokens,
    deployments: { "gpt-test": "gpt-4o" },
  });
  for (const backend of [world.azure.openAi, next]) backend.setPace(steadyPace);
});
afterAll(async () => {
  await world.stop();
  await next.stop();
});

it("a backend moves to another endpoint, and the old one closes when its last stream has ended", async () => {
  const old = world.azure.openAi;
  const load = await steadyLoadOn(cast, world.certgate.port);
  await load.ended(300);
  const { outcome } = await world.reconfigure((config) => {
    config["backends"].main.endpoint = next.url;
  });
  expect(outcome).toBe("applied");
  const asked = old.requests.count;
  // All that were under way when the endpoint changed, streams of 300 ms among them.
  await load.ended(200);
  expect(old.requests.count - asked).toBeLessThanOrEqual(20);
  await old.stop();
  await load.ended(400);
  expect(next.requests.count).toBeGreaterThan(300);
  expect(noteOperation("move a backend, close the old one", await load.stop())).toMatchObject(clean);
});
