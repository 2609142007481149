import { afterAll, beforeAll, expect, it } from "vitest";
import { loadProblem, type SteadyCast, steadyCast, steadyLoadOn } from "../../support/steady-load-world.ts";
import { startWorld, type World } from "../../support/world.ts";

let cast: SteadyCast;
let world: World;
beforeAll(async () => {
  cast = await steadyCast();
  world = await startWorld({ pki: cast.pki, files: cast.files, configure: cast.enter });
});
afterAll(() => world.stop());

it("the steady load sees who fails and should not, who passes and should not, and who is refused for another reason", async () => {
  const [line] = cast.callers;
  const load = await steadyLoadOn(cast, world.certgate.port, [
    { ...line!, name: "passes", perSecond: 20, expect: { refused: "client_unknown" } },
    { ...cast.callers.at(-1)!, name: "fails", perSecond: 20, expect: "answered" },
    { ...cast.callers.at(-1)!, name: "otherwise", perSecond: 20, expect: { refused: "client_unknown" } },
  ]);
  await load.ended(200);
  const { wronglyFailed, wronglyPassed, wronglyRefused, answered, refused, examples } = await load.stop();
  expect(Math.min(wronglyFailed, wronglyPassed, wronglyRefused)).toBeGreaterThan(8);
  expect(answered).toBeGreaterThan(80);
  expect(refused).toBeGreaterThan(10);
  expect(examples.join("\n")).toMatch(/wronglyFailed: fails 401 client_certificate_untrusted/);
});

it("the steady load sees streams that are broken off", async () => {
  const load = await steadyLoadOn(cast, world.certgate.port);
  world.azure.openAi.faults.always({ kind: "reset-midway" });
  await load.ended(100);
  world.azure.openAi.faults.clear();
  expect((await load.stop()).cutStreams).toBeGreaterThan(3);
});

it("the steady load says when it did not keep its rate", async () => {
  const load = await steadyLoadOn(cast, world.certgate.port);
  await load.ended(100);
  const until = performance.now() + 400;
  while (performance.now() < until);
  await load.ended(100);
  const report = await load.stop();
  expect(report.latest).toBeGreaterThan(350);
  expect(loadProblem(report)).toMatch(/did not keep its rate/);
});
