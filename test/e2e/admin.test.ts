import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

describe("the admin port", () => {
  it("is ready once anchors, revocation lists, certificate and token are at hand", async () => {
    await expect.poll(async () => (await world.admin("/readyz")).status).toBe(200);
    const { items } = (await (await world.admin("/readyz")).json()) as {
      items: { name: string; ok: boolean }[];
    };
    expect(items.every(({ ok }) => ok)).toBe(true);
    const names = items.map(({ name }) => name).join("\n");
    for (const part of ["trust anchors", "revocation list", "server certificate", "credential gateway"])
      expect(names).toContain(part);
  });

  it("counts requests by decision and reason", async () => {
    await world.ask({ path: "/openai/v1/models" });
    await world.ask({ path: "/openai/v1/models" }, "none");
    const text = await (await world.admin("/metrics")).text();
    expect(text).toMatch(/certgate_requests_total\{[^}]*client="device-1"[^}]*\} \d/);
    expect(text).toMatch(/certgate_requests_total\{[^}]*reason="client_certificate_missing"[^}]*\} \d/);
  });

  it("is alive", async () => {
    expect((await world.admin("/healthz")).status).toBe(200);
  });
});
