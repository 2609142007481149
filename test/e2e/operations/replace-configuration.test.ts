import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startOpenAi, type LocalOpenAi } from "../../../src/dev/azure/openai/server.ts";
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
  world = await startWorld({ pki: cast.pki, files: cast.files, configure: cast.enter, watches: true });
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

const messages = async (text: RegExp) => (await world.log()).filter(({ msg }) => text.test(String(msg)));

it("broken configurations are refused one after the other while the old one serves, then one that changes everything", async () => {
  const load = await steadyLoadOn(cast, world.certgate.port);
  await load.ended(200);
  const file = join(world.directory, "certgate.yaml");
  const broken = [
    "listen: [",
    JSON.stringify({ clients: {} }),
    // What a look finds in the middle of a careless write.
    "",
  ];
  for (const [index, text] of broken.entries()) {
    // As a whole, so that each is seen once.
    await writeFile(`${file}.next`, text);
    await rename(`${file}.next`, file);
    await expect
      .poll(() => messages(/the new configuration is refused/), { timeout: 20_000 })
      .toHaveLength(index + 1);
    await load.ended(100);
  }
  const wrongTrust = await world.reconfigure((config) => {
    config["trust"].anchors = [{ file: "server.key" }];
  });
  expect(wrongTrust.outcome).toBe("refused");
  await load.ended(100);
  expect((await world.admin("/readyz")).status).toBe(200);

  const everything = await world.reconfigure((config) => {
    config["trust"].anchors = [{ file: "root.pem" }];
    config["trust"].path = { maximumIntermediates: 4 };
    config["backends"].main.endpoint = next.url;
    config["timeouts"] = { totalSeconds: 700 };
    config["roles"] = { inference: { deployments: ["gpt-test"] } };
    config["log"].level = "info";
    for (const name of ["line", "office"]) {
      delete config["clients"][name].deployments;
      config["clients"][name].roles = ["inference"];
    }
  });
  expect(everything).toEqual({ outcome: "applied", version: expect.any(String) });
  await load.ended(400);
  expect(next.requests.count).toBeGreaterThan(200);
  expect(
    noteOperation("replace the whole configuration, after four broken ones", await load.stop()),
  ).toMatchObject(clean);
});
