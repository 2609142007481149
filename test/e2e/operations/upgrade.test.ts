import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FleetWorld, type ServingFleet, startFleetWorld } from "../../support/fleet.ts";
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

const served = ({ running }: ServingFleet) => running.written.stdout.match(/"msg":"request"/g)?.length ?? 0;

it.each([
  ["one process", ["--workers", "1"]],
  ["two workers", ["--workers", "2"]],
])("upgrade in place, %s: a successor takes the ports over, and nobody notices", async (what, words) => {
  const serve = (ports: { readonly port: number; readonly adminPort: number } = { port: 0, adminPort: 0 }) =>
    world.serveAndWait(words, (config) => {
      config["listen"] = { ...config["listen"], reusePort: true, port: ports.port };
      config["admin"].port = ports.adminPort;
      config["deployments"]["gpt-other"] = { backend: "main" };
      cast.enter(config);
    });
  const old = await serve();
  const load = await steadyLoadOn(cast, old.port);
  await load.ended(300);
  const next = await serve(old);
  await load.ended(200);
  old.running.signal("SIGTERM");
  await old.running.wrote(/certgate is stopping/);
  // The successor has the admin port for itself, so nobody reads that this gateway ends.
  const readiness: number[] = [];
  const ended = old.running.ended.then(() => "ended" as const);
  while ((await Promise.race([ended, next.admin("/readyz")])) !== "ended")
    readiness.push((await next.admin("/readyz")).status);
  expect(await old.running.ended).toMatchObject({ code: 0, stderr: "" });
  await load.ended(300);
  expect(noteOperation(`upgrade in place, ${what}`, await load.stop())).toMatchObject({
    ...clean,
    cutStreams: 0,
  });
  expect(new Set(readiness)).toEqual(new Set([200]));
  expect(Math.min(served(old), served(next))).toBeGreaterThan(100);
});
