import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AnswerSink, Forwarder } from "../../../src/forward/forwarder.ts";
import { CallerLeft } from "../../../src/gateway/read-body.ts";
import { relay } from "../../../src/gateway/relay.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { BodyBrokenOff } from "../../../src/model/outbound-request.ts";
import { deny } from "../../../src/model/verdict.ts";
import type { UpstreamAttempt } from "../../../src/model/metrics.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A caller's connection, and a backend whose answer the test plays. */
async function relaying() {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = get({ host: "127.0.0.1", port, agent: false });
  client.on("error", () => {});
  const [, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  const clock = new ManualClock();
  const attempts: UpstreamAttempt[] = [];
  const calls: string[] = [];
  const started = Promise.withResolvers<AnswerSink>();
  const forwarder: Forwarder = {
    forward(_request, sink) {
      started.resolve(sink);
      return { resume: () => calls.push("resume"), cancel: () => calls.push("cancel") };
    },
    close: () => Promise.resolve(),
  };
  const done = relay(forwarder, { method: "GET", path: "/", headers: [], body: null }, response, {
    backend: "main",
    requestId: "r-1",
    clock,
    report: (attempt) => attempts.push(attempt),
  });
  // Each test looks at it in its own time.
  done.catch(() => {});
  return { client, response, clock, attempts, calls, done, backend: await started.promise };
}

const answerTo = async (client: ReturnType<typeof get>) =>
  ((await once(client, "response")) as [IncomingMessage])[0];

describe("relay", () => {
  it("sends the head before the first byte of the body is there", async () => {
    const { client, backend } = await relaying();
    backend.head(200, ["content-type", "text/event-stream"]);
    const answer = await answerTo(client);
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "text/event-stream"]);
  });

  it("ends with the backend's status and reports the attempt with both times", async () => {
    const { client, backend, clock, done, attempts } = await relaying();
    clock.sleep(30);
    backend.head(429, []);
    backend.data(Buffer.from("slow down"));
    clock.sleep(20);
    backend.end();
    expect(await done).toMatchObject({ allowed: true, value: 429 });
    expect(attempts).toEqual([{ backend: "main", outcome: "answered", durationMs: 50, firstByteMs: 30 }]);
    const chunks = await (await answerTo(client)).toArray();
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe("slow down");
  });

  it("asks the backend to wait while the caller does not read, and to go on when it does", async () => {
    const { client, backend, calls } = await relaying();
    backend.head(200, []);
    const answer = await answerTo(client);
    const chunk = Buffer.alloc(1_000_000);
    let taken = 0;
    while (backend.data(chunk)) taken += 1;
    expect(taken).toBeLessThan(20);
    expect(calls).toEqual([]);
    answer.resume();
    await expect.poll(() => calls).toEqual(["resume"]);
  });

  it("cancels the backend call when the caller leaves, and reports it once", async () => {
    const { client, backend, calls, done, attempts } = await relaying();
    backend.head(200, []);
    await answerTo(client);
    client.destroy();
    await expect(done).rejects.toThrow(CallerLeft);
    expect(calls).toEqual(["cancel"]);
    expect(attempts).toMatchObject([{ outcome: "aborted" }]);
  });

  it("cancels the backend call when the caller leaves before the head", async () => {
    const { client, calls, done } = await relaying();
    client.destroy();
    await expect(done).rejects.toThrow(CallerLeft);
    expect(calls).toEqual(["cancel"]);
  });

  it.each([
    ["backend_unreachable", "unreachable"],
    ["backend_timeout", "timeout"],
  ] as const)("leaves %s before the head to be answered", async (code, outcome) => {
    const { response, backend, done, attempts } = await relaying();
    backend.error(new GatewayError(code, "no"));
    await expect(done).rejects.toMatchObject({ code });
    expect(attempts).toMatchObject([{ outcome }]);
    expect(attempts[0]).not.toHaveProperty("firstByteMs");
    expect([response.headersSent, response.destroyed]).toEqual([false, false]);
  });

  it("cuts the caller's connection when the backend breaks off after the head", async () => {
    const { client, backend, done } = await relaying();
    backend.head(200, ["content-length", "100"]);
    backend.data(Buffer.from("half"));
    const answer = await answerTo(client);
    const read = answer.toArray().catch(String);
    backend.error(new GatewayError("backend_unreachable", "broke off"));
    await expect(done).rejects.toMatchObject({ code: "backend_unreachable" });
    expect(await read).toMatch(/aborted/);
  });

  it("ends with the reason when the request's own body is refused on its way, and nothing is written yet", async () => {
    const { response, backend, done, attempts } = await relaying();
    backend.error(new BodyBrokenOff(deny("request_malformed", "It is bad.")));
    expect(await done).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(attempts).toMatchObject([{ outcome: "aborted" }]);
    expect([response.headersSent, response.destroyed]).toEqual([false, false]);
  });

  it("cuts the connection when the request's body is refused after the head", async () => {
    const { response, backend, done } = await relaying();
    backend.head(200, []);
    backend.error(new BodyBrokenOff(deny("request_malformed", "It is bad.")));
    expect(await done).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(response.destroyed).toBe(true);
  });

  it("throws CallerLeft when the request's body ended with its caller", async () => {
    const { backend, done } = await relaying();
    backend.error(new BodyBrokenOff());
    await expect(done).rejects.toThrow(CallerLeft);
  });
});
