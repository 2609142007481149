import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
});
afterAll(() => world.stop());

// What an upgrade costs under load: operations/upgrade.test.ts.
describe("an upgrade in place", () => {
  it("needs reusePort: a second gateway that is started by mistake is refused the port", async () => {
    const { port } = await world.serveAndWait(["--workers", "2"]);
    const second = await world.serve(["--workers", "2"], (config) => {
      config["listen"].port = port;
    });
    const { code, stderr } = await second.ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining(`127.0.0.1:${port} is in use already`)]);
  });
});
