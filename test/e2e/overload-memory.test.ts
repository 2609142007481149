import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { begin } from "../support/ask.ts";
import {
  chat,
  type HostileConnection,
  type HostileWorld,
  startHostileWorld,
  statusOf,
  unharmed,
} from "../support/hostile.ts";
import { boundary } from "../support/upload.ts";

let world: HostileWorld;
let accomplice: IssuedCertificate;
const KiB = 1024;
/** What each hostile body claims to be, and what comes of it. */
const [claimed, sent] = [256 * KiB, 250 * KiB];
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = {
      jsonBodyBytes: 256 * KiB,
      formHeldBytes: 256 * KiB,
      bufferedBytesPerClient: 1024 * KiB,
      bufferedBytes: 2048 * KiB,
    };
  });
  accomplice = await world.pki.intermediate.issue({ subject: "CN=accomplice" });
  await world.reconfigure((config) => {
    config["clients"]["accomplice"] = { thumbprints: [accomplice.thumbprint], deployments: ["gpt-test"] };
  });
});
afterAll(() => world.stop());

const held = () => world.metric("certgate_buffered_bytes");

const head = (length: number, type = "application/json", path: string = chat.path) =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

/** Sends nearly all of a body, and leaves the gateway waiting for the rest. */
async function hold(client?: IssuedCertificate): Promise<HostileConnection> {
  const before = await held();
  const connection = await world.open(client);
  connection.socket.write(head(claimed) + "x".repeat(sent));
  await expect.poll(held).toBeGreaterThanOrEqual(before + sent);
  return connection;
}

async function release(connections: readonly HostileConnection[]): Promise<void> {
  for (const { socket } of connections) socket.destroy();
  await expect.poll(held).toBe(0);
}

describe("a client that sends bodies and does not finish them", () => {
  it("gets 429 when it holds its share, and its neighbour is served", async () => {
    const before = await world.shed("buffered_bytes_per_client");
    const holding: HostileConnection[] = [];
    for (let count = 0; count < 4; count += 1) holding.push(await hold());
    const surplus = await world.open();
    surplus.socket.write(head(claimed) + "x".repeat(sent));
    expect(await world.neighbourDuring(surplus.ended)).toMatchObject(unharmed);
    const answer = await surplus.ended;
    expect(statusOf(answer)).toBe(429);
    expect(answer).toContain("x-certgate-reason: bodies_exceeded");
    expect(answer).toMatch(/\r\nretry-after: \d+\r\n/i);
    expect((await world.shed("buffered_bytes_per_client")) - before).toBe(1);
    expect(await held()).toBeLessThanOrEqual(1024 * KiB);
    await release(holding);
  });

  it("cannot take more than the limit of all, with an accomplice either; what they leave is there again", async () => {
    const before = await world.shed("buffered_bytes");
    const holding: HostileConnection[] = [];
    for (let count = 0; count < 8; count += 1) holding.push(await hold(count < 4 ? undefined : accomplice));
    const filling = 2048 * KiB - (await held());
    const body = { ...chat.body, user: "x".repeat(filling) };
    const answer = await world.ask({ ...chat, body });
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ "x-certgate-reason": "overloaded", "retry-after": "2" });
    expect((await world.shed("buffered_bytes")) - before).toBe(1);
    // Who needs little, or nothing, is served even now.
    expect((await world.ask({ path: "/openai/v1/models" })).status).toBe(200);
    expect((await world.ask(chat)).status).toBe(200);
    await release(holding);
    expect((await world.ask({ ...chat, body })).status).toBe(200);
  });

  it("is refused by what it declares, before a byte is held", async () => {
    const before = await held();
    const { socket, ended } = await world.open();
    socket.write(head(300 * KiB));
    expect(statusOf(await ended)).toBe(413);
    expect(await held()).toBe(before);
  });

  it("is refused where it declares nothing and goes on", async () => {
    const { socket, ended } = await world.open();
    socket.write(head(0).replace("content-length: 0", "transfer-encoding: chunked"));
    const chunk = `${(16 * KiB).toString(16)}\r\n${"x".repeat(16 * KiB)}\r\n`;
    for (let count = 0; count < 40; count += 1) socket.write(chunk);
    const answer = await ended;
    expect(statusOf(answer)).toBe(413);
    expect(answer).toContain("x-certgate-reason: body_too_large");
    await expect.poll(held).toBe(0);
  });

  it("holds no more with a form that never names its model", async () => {
    const { socket, ended } = await world.open();
    socket.write(
      head(512 * KiB, `multipart/form-data; boundary=${boundary}`, "/openai/v1/audio/transcriptions") +
        `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n`,
    );
    for (let count = 0; count < 30; count += 1) socket.write("x".repeat(16 * KiB));
    expect(statusOf(await ended)).toBe(413);
    await expect.poll(held).toBe(0);
  });
});

describe("a body that was answered", () => {
  it("is not held any more, also when its client does not read the answer to its end", async () => {
    const { certgate, pki, hostile } = world;
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    const body = { ...chat.body, stream: true, user: "x".repeat(100 * KiB) };
    const asker = { port: certgate.port, ca: pki.root.pem, client: hostile };
    const answer = await begin(asker, { ...chat, body });
    expect(await held()).toBeGreaterThan(100 * KiB);
    answer.destroy();
    await expect.poll(held).toBe(0);
    gate.resolve();
    world.azure.openAi.setPace({});
  });
});
