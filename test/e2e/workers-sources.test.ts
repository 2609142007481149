import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
  const { server, root } = world.pki;
  world.azure.keyVault.contents.setSecret("device-roots", { value: root.pem });
  world.azure.keyVault.contents.setCertificate("gateway-tls", {
    chainPem: server.chainPem,
    keyPem: server.keyPem,
  });
});
afterAll(() => world.stop());

describe("four workers", () => {
  it("fetch each token once and read the vault once a refresh", { timeout: 60_000 }, async () => {
    const { keyVault, managedIdentity } = world.azure;
    const { asker, running } = await world.serveAndWait(["--workers", "4"], (config) => {
      config["keyVaults"] = {
        main: {
          url: keyVault.url,
          credential: "gateway",
          caFile: "root.pem",
          verifyChallengeResource: false,
        },
      };
      config["listen"].certificate = { keyVault: "main", certificate: "gateway-tls" };
      config["trust"].anchors = [{ keyVault: "main", secret: "device-roots" }];
      config["trust"].refreshSeconds = 1;
    });
    const question = {
      path: "/openai/v1/chat/completions",
      body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
    };
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(asker, question)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200));

    const readings: number[] = [];
    const began = performance.now();
    while (readings.length < 6) {
      await keyVault.requests.next(
        ({ path, authenticated }) => authenticated && path.includes("/device-roots"),
      );
      readings.push(performance.now() - began);
    }
    // One each 0.9 s at most. Four workers of their own would take a quarter of the time.
    expect((readings.at(-1) ?? 0) - (readings[0] ?? 0)).toBeGreaterThan(5 * 0.85 * 1000);

    const resources = managedIdentity.requests.all.map(({ resource }) => resource);
    expect(resources.filter((resource) => resource?.includes("cognitiveservices"))).toHaveLength(1);
    // The two readings of the start ask at the same time, as those of a single process do.
    expect(resources.filter((resource) => resource?.includes("vault")).length).toBeLessThanOrEqual(2);
    running.signal("SIGTERM");
    const { stdout } = await running.ended;
    expect(new Set(stdout.match(/"worker":\d/g))).toHaveLength(4);
    expect(stdout).not.toMatch(/eyJ|Bearer/);
  });

  it("all follow what changed, at one reading", { timeout: 60_000 }, async () => {
    const { keyVault } = world.azure;
    const { asker, running } = await world.serveAndWait(["--workers", "4"], (config) => {
      config["keyVaults"] = {
        main: {
          url: keyVault.url,
          credential: "gateway",
          caFile: "root.pem",
          verifyChallengeResource: false,
        },
      };
      config["trust"].anchors = [{ keyVault: "main", secret: "device-roots" }];
      config["trust"].refreshSeconds = 4;
      config["trust"].revocation = { mode: "off" };
    });
    const reasons = async () =>
      new Set(
        (await Promise.all(Array.from({ length: 24 }, () => ask(asker, { path: "/openai/v1/models" })))).map(
          ({ headers }) => headers["x-certgate-reason"],
        ),
      );
    expect(await reasons()).toEqual(new Set([undefined]));
    const read = keyVault.requests.next(
      ({ path, authenticated }) => authenticated && path.includes("/device-roots"),
    );
    keyVault.contents.setSecret("device-roots", { value: world.pki.intermediate.pem });
    await read;
    await expect
      .poll(() => running.written.stdout.match(/"version":2[^\n]*trust changed/g)?.length ?? 0, {
        timeout: 3000,
      })
      .toBe(4);
  });
});
