import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { queryObjects } from "node:v8";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createWsLane } from "../../../../src/forward/adapters/ws-lane.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A lane to a backend that answers every upgrade with these bytes. */
async function laneTo(answer: string) {
  const { server, root } = await testPki();
  const backend = createServer({ cert: server.chainPem, key: server.keyPem });
  backend.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    socket.end(answer);
  });
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  const lane = createWsLane({
    origin: `https://localhost:${(backend.address() as AddressInfo).port}`,
    ca: root.pem,
    connectTimeoutMs: 5000,
    firstByteTimeoutMs: 5000,
    messageLimit: 1000,
    pingMs: 60_000,
    clock: systemClock,
  });
  onTestFinished(() => {
    lane.close();
    backend.close();
  });
  return lane;
}

const open = { path: "/", headers: [], protocols: [] };

describe("a lane of WebSockets", () => {
  it("hands on a backend's refusal, and keeps nothing of it", async () => {
    const lane = await laneTo("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nlate");
    const before = queryObjects(WebSocket, { format: "count" });
    for (let n = 0; n < 5; n += 1) {
      const refused = await lane.open(open, new AbortController().signal);
      expect(refused).toMatchObject({ opened: false, status: 429, body: Buffer.from("late") });
    }
    await expect
      .poll(() => queryObjects(WebSocket, { format: "count" }), { timeout: 10_000 })
      .toBeLessThanOrEqual(before);
  });
});
