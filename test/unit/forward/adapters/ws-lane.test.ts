import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { queryObjects } from "node:v8";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createWsLane } from "../../../../src/forward/adapters/ws-lane.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A lane to a backend that answers every upgrade with these bytes, or never. */
async function laneTo(answer: string | undefined) {
  const { server, root } = await testPki();
  const backend = createServer({ cert: server.chainPem, key: server.keyPem });
  backend.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    if (answer !== undefined) socket.end(answer);
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
    backend.closeAllConnections();
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

  it.each<[string, string | undefined]>([
    ["takes too long", undefined],
    ["breaks off", ""],
    ["answers no HTTP", "no HTTP at all\r\n\r\n"],
    ["accepts with another key", "HTTP/1.1 101 x\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n"],
  ])("says of a backend that %s that it was sent something", async (what, answer) => {
    const lane = await laneTo(answer);
    const opening = lane.open({ ...open, answerTimeoutMs: 100 }, new AbortController().signal);
    await expect(opening).rejects.toMatchObject({
      code: what === "takes too long" ? "backend_timeout" : "backend_unreachable",
      sent: true,
    });
  });

  it("says of a backend that cannot be reached that it was sent nothing", async () => {
    const lane = createWsLane({
      origin: "https://127.0.0.1:1",
      connectTimeoutMs: 5000,
      firstByteTimeoutMs: 5000,
      messageLimit: 1000,
      pingMs: 60_000,
      clock: systemClock,
    });
    await expect(lane.open(open, new AbortController().signal)).rejects.toMatchObject({
      code: "backend_unreachable",
      sent: false,
    });
  });
});
