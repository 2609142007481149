import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asShipped } from "../../scripts/as-shipped.ts";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
beforeAll(async () => {
  const { env } = await asShipped();
  world = await startFleetWorld({ env });
});
afterAll(() => world.stop());

/** How many sessions a client is offered until its first request is answered. */
async function sessionsOffered(port: number): Promise<number> {
  const { pki } = world;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: pki.root.pem,
    cert: pki.client.chainPem,
    key: pki.client.keyPem,
    minVersion: "TLSv1.3",
  });
  let offered = 0;
  socket.on("session", () => (offered += 1));
  socket.write("GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n");
  // With the answer everything has come that follows a handshake.
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 200 /);
  return offered;
}

describe("started with the environment of the image", () => {
  it.each([
    ["one process", []],
    ["workers", ["--workers", "2"]],
  ])("%s: a TLS 1.3 client is offered no session to resume", async (_what, words) => {
    const { port } = await world.serveAndWait(words);
    expect(await sessionsOffered(port)).toBe(0);
  });
});
