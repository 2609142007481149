import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { type FleetWorld, type ServingFleet, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
let fleet: ServingFleet;
beforeAll(async () => {
  world = await startFleetWorld();
});
afterAll(() => world.stop());

/** What callers hear over as many connections as reach every worker. */
const heard = async () =>
  new Set(
    (
      await Promise.all(
        Array.from({ length: 30 }, () =>
          ask(fleet.asker, {
            path: "/openai/v1/chat/completions",
            body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
          }),
        ),
      )
    ).map(({ headers, status }) => headers["x-certgate-reason"] ?? status),
  );

describe("a reload of three workers", () => {
  it("is all of theirs at once, or none's", { timeout: 60_000 }, async () => {
    fleet = await world.serveAndWait(["--workers", "3"]);
    const { running } = fleet;
    const file = join(world.folder, "certgate-1.yaml");
    const first = await readFile(file, "utf8");
    expect(await heard()).toEqual(new Set([200]));

    const narrowed = JSON.parse(first) as { clients: Record<string, { thumbprints: string[] }> };
    narrowed.clients = { "device-1": { ...narrowed.clients["device-1"], thumbprints: ["00".repeat(32)] } };
    await writeFile(file, JSON.stringify(narrowed));
    running.signal("SIGHUP");
    await running.wrote(/"workers":3[^\n]*another configuration is in force/);
    expect(await heard()).toEqual(new Set(["client_unknown"]));

    // One that is started now begins with what is in force, not with what was read first.
    const pid = fleet.workers().get(1) ?? 0;
    process.kill(pid, "SIGKILL");
    await running.wrote(new RegExp(`"worker":1,"pid":(?!${pid})\\d+[^\\n]*the worker is ready`));
    expect(await heard()).toEqual(new Set(["client_unknown"]));

    await writeFile(file, "clients: [");
    running.signal("SIGHUP");
    await running.wrote(/the new configuration is refused; the one before serves on/);
    expect(await heard()).toEqual(new Set(["client_unknown"]));
    const ready = await fleet.admin("/readyz");
    expect([ready.status, ready.text]).toEqual([200, expect.stringMatching(/the reload at .* was refused/)]);
    expect((await fleet.admin("/metrics")).text).toContain(
      'certgate_configuration_reloads_total{outcome="refused"} 1',
    );

    await writeFile(file, first);
    running.signal("SIGHUP");
    await expect.poll(heard, { timeout: 10_000 }).toEqual(new Set([200]));
    running.signal("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("goes back where a single one refuses", { timeout: 60_000 }, async () => {
    fleet = await world.serveAndWait(["--workers", "2"]);
    const { running } = fleet;
    const file = join(world.folder, "certgate-2.yaml");
    const other = JSON.parse(await readFile(file, "utf8")) as { listen: { port: number } };
    // What no process can change while it runs: the file is good, and the workers say no.
    other.listen.port = 1;
    await writeFile(file, JSON.stringify(other));
    running.signal("SIGHUP");
    await running.wrote(
      /"reason":"listen.port cannot change while the gateway runs: restart it"[^\n]*refused/,
    );
    expect(await heard()).toEqual(new Set([200]));
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});
