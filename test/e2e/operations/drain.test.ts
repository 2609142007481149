import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FleetWorld, startFleetWorld } from "../../support/fleet.ts";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";

let cast: SteadyCast;
let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
  cast = await steadyCast(world.pki);
  for (const [name, text] of Object.entries(cast.files)) await writeFile(join(world.folder, name), text);
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

it("SIGTERM: readiness fails, connections are told to close, and everything under way is answered", async () => {
  const { running, port, admin } = await world.serveAndWait([], (config) => {
    config["deployments"]["gpt-other"] = { backend: "main" };
    cast.enter(config);
  });
  const load = await steadyLoadOn(cast, port);
  await load.ended(300);
  expect((await admin("/readyz")).status).toBe(200);
  // Nobody takes its place here: who needs a new connection is refused by the kernel. What has one is answered on it.
  const gone = { refused: "ECONNREFUSED", cutsNothing: true } as const;
  const before = load.report();
  await load.change(Object.fromEntries(cast.callers.map(({ name }) => [name, gone])), async () => {
    running.signal("SIGTERM");
    await running.wrote(/certgate is stopping/);
    // As a balancer does: it reads that this one ends, and sends it nothing more.
    expect((await admin("/readyz")).status).toBe(503);
    // What holds a connection may bring another request on it until then.
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });
  await load.ended(100);
  const report = await load.stop();
  expect(noteOperation("drain at SIGTERM", report)).toMatchObject({ ...clean, cutStreams: 0 });
  expect(report.answered - before.answered).toBeGreaterThan(3);
});
