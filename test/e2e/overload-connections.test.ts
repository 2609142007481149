import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { chat, type HostileWorld, startHostileWorld, statusOf, unharmed } from "../support/hostile.ts";

let world: HostileWorld;
const roomy = { connections: 1000, connectionsPerClient: 1000, connectionsPerSource: 1000 };
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = roomy;
  });
});
afterAll(() => world.stop());
afterEach(() => limit({}));

const limit = async (limits: object) => {
  await world.reconfigure((config) => {
    config["limits"] = { ...roomy, ...limits };
  });
};

const models = "GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n";

/** Opens so many, of which none sends anything. */
const openMany = (count: number) => Promise.all(Array.from({ length: count }, () => world.open()));

describe("a client with too many connections", () => {
  it("is told so on the surplus one, which is closed; its others and its neighbour are served", async () => {
    await limit({ connectionsPerClient: 3 });
    const before = await world.shed("connections_per_client");
    const opened = await openMany(3);
    const surplus = await world.open();
    surplus.socket.write(models);
    const answer = await surplus.ended;
    expect(statusOf(answer)).toBe(429);
    expect(answer).toContain("x-certgate-reason: connections_exceeded");
    expect(answer).toMatch(/\r\nretry-after: \d+\r\n/i);
    for (const { socket } of opened)
      socket.write(models.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    expect(await Promise.all(opened.map(async ({ ended }) => statusOf(await ended)))).toEqual([
      200, 200, 200,
    ]);
    expect((await world.ask(chat)).status).toBe(200);
    expect((await world.shed("connections_per_client")) - before).toBe(1);
    const record = (await world.log()).find(({ reason }) => reason === "connections_exceeded");
    expect(record).toMatchObject({ status: 429, decision: "denied" });
  });

  it("loses surplus ones that say nothing", async () => {
    await limit({ connectionsPerClient: 1 });
    await world.open();
    const surplus = await world.open();
    expect(await surplus.ended).toBe("");
  });

  it("may have more as soon as the configuration says so", async () => {
    await limit({ connectionsPerClient: 1 });
    await world.open();
    await limit({ connectionsPerClient: 2 });
    const second = await world.open();
    second.socket.write(models.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    expect(statusOf(await second.ended)).toBe(200);
  });
});

describe("a source with too many connections", () => {
  it.each([
    ["connectionsPerSource", "connections_per_source"],
    ["connections", "connections"],
  ])("has the surplus ones reset before their handshake (%s)", async (key, reason) => {
    await limit({ [key]: 5 });
    const before = await world.shed(reason);
    // The kernel hands them over in the order of their coming.
    const opened = Array.from({ length: 5 }, () => world.openTcp());
    const surplus = await Promise.all(Array.from({ length: 20 }, () => world.openTcp().ended));
    expect(new Set(surplus)).toEqual(new Set([""]));
    expect((await world.shed(reason)) - before).toBe(20);
    expect(opened.map(({ socket }) => socket.destroyed)).toEqual(Array(5).fill(false));
    for (const { socket } of opened) socket.destroy();
    await expect.poll(async () => (await world.open()).socket.destroyed).toBe(false);
  });

  it("takes no room from its neighbours, however many it opens", async () => {
    await limit({ connectionsPerSource: 10 });
    const flood = async () => {
      for (let round = 0; round < 20; round += 1)
        await Promise.all(Array.from({ length: 50 }, () => world.openTcp().ended.catch(() => {})).slice(10));
    };
    expect(await world.neighbourDuring(flood())).toMatchObject(unharmed);
  });
});

describe("a source with too many handshakes", () => {
  it("has the surplus ones reset, and its neighbours are served", async () => {
    const perSecond = 20;
    await limit({ handshakesPerSecondPerSource: perSecond });
    const before = await world.shed("handshakes_per_source");
    const beganAt = performance.now();
    let handshakes = 0;
    const flood = async () => {
      for (let count = 0; count < 300; count += 1) {
        const { socket } = await world.open();
        if ("getProtocol" in socket && socket.getProtocol() !== null) handshakes += 1;
        socket.destroy();
      }
    };
    expect(await world.neighbourDuring(flood())).toMatchObject(unharmed);
    // What five seconds save up, and what was gained in the meantime.
    const seconds = (performance.now() - beganAt) / 1000;
    expect(handshakes).toBeGreaterThanOrEqual(5 * perSecond);
    expect(handshakes).toBeLessThanOrEqual((5 + seconds) * perSecond + 1);
    expect((await world.shed("handshakes_per_source")) - before).toBe(300 - handshakes);
  });

  it("may make more as soon as the configuration says so", async () => {
    await limit({ handshakesPerSecondPerSource: 0.2 });
    const refused = async () => (await world.open()).socket.destroyed;
    while (!(await refused()));
    await limit({ handshakesPerSecondPerSource: 1000 });
    await expect.poll(refused).toBe(false);
  });
});
