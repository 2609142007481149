import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AnswerSink, Forwarder } from "../../../src/forward/forwarder.ts";
import type { AnswerMeasure } from "../../../src/gateway/measure-answer.ts";
import { CallerLeft } from "../../../src/gateway/read-body.ts";
import { relay, type RelayContext } from "../../../src/gateway/relay.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { BodyBrokenOff } from "../../../src/model/outbound-request.ts";
import { deny } from "../../../src/model/verdict.ts";
import type { UpstreamAttempt } from "../../../src/model/metrics.ts";
import { endlessClient, readToTheEnd } from "../../support/endless-client.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A caller's connection, and a backend whose answer the test plays. */
async function relaying(context: Partial<RelayContext> = {}) {
  const { port, exchange } = await serving();
  const client = get({ host: "127.0.0.1", port, agent: false });
  client.on("error", () => {});
  return { client, ...(await relayingTo((await exchange)[1], context)) };
}

/** The server's side of the next connection. */
async function serving() {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, exchange: once(server, "request") as Promise<[IncomingMessage, ServerResponse]> };
}

async function relayingTo(response: ServerResponse, context: Partial<RelayContext> = {}) {
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
    ...context,
  });
  // Each test looks at it in its own time.
  done.catch(() => {});
  return { response, clock, attempts, calls, done, backend: await started.promise };
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

  it("lets a client that still sends read an early answer, also where its connection is not kept", async () => {
    const { port, exchange } = await serving();
    const client = endlessClient(port, "connection: close\r\n");
    const [request, response] = await exchange;
    const { backend } = await relayingTo(response);
    backend.head(429, []);
    backend.data(Buffer.from("slow down"));
    backend.end();
    // As much of the body was taken as ever is.
    await once(request, "pause");
    expect(await readToTheEnd(client)).toMatch(/^HTTP\/1.1 429 [^]*slow down\r\n0\r\n\r\n$/);
  });

  it("sends nothing for a caller who had left before", async () => {
    const { client, response, calls, done } = await relaying();
    const closed = once(response, "close");
    client.destroy();
    await closed;
    await expect(done).rejects.toThrow(CallerLeft);
    const forwarder: Forwarder = {
      forward() {
        calls.push("forward");
        return { resume() {}, cancel() {} };
      },
      close: () => Promise.resolve(),
    };
    const request = { method: "GET", path: "/", headers: [], body: null };
    const context = { backend: "main", requestId: "r-2", clock: new ManualClock(), report() {} };
    await expect(relay(forwarder, request, response, context)).rejects.toThrow(CallerLeft);
    expect(calls).toEqual(["cancel"]);
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

  it("has it go on once each time that the caller has room again, however much came meanwhile", async () => {
    const { client, backend, calls, response } = await relaying();
    backend.head(200, []);
    const answer = await answerTo(client);
    answer.resume();
    const chunk = Buffer.alloc(1_000_000);
    for (const times of [1, 2]) {
      while (backend.data(chunk));
      backend.data(chunk);
      expect(response.listenerCount("drain")).toBe(1);
      await expect.poll(() => calls).toEqual(Array.from({ length: times }, () => "resume"));
    }
  });

  it("leaves nothing on the response that another answer will be sent with", async () => {
    const { response, backend, done } = await relaying({ onHead: () => ({ pass: false }) });
    const closing = response.listenerCount("close");
    backend.head(503, []);
    backend.end();
    expect(await done).toMatchObject({ value: "again" });
    expect(response.listenerCount("close")).toBe(closing - 1);
    expect(response.listenerCount("drain")).toBe(0);
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

  it("gives up an answer whose head takes longer than the exchange may", async () => {
    const { response, clock, calls, done, attempts } = await relaying({ withinMs: 1000 });
    await clock.advance(1000);
    await expect(done).rejects.toMatchObject({ code: "backend_timeout" });
    expect(calls).toEqual(["cancel"]);
    expect(attempts).toMatchObject([{ outcome: "timeout", durationMs: 1000 }]);
    expect([response.headersSent, response.destroyed]).toEqual([false, false]);
  });

  it("cuts an answer that goes on for longer than the exchange may", async () => {
    const { client, backend, clock, calls, done } = await relaying({ withinMs: 1000 });
    backend.head(200, []);
    const answer = await answerTo(client);
    const read = answer.toArray().catch(String);
    await clock.advance(999);
    backend.data(Buffer.from("more"));
    expect(calls).toEqual([]);
    await clock.advance(1);
    await expect(done).rejects.toMatchObject({ code: "backend_timeout" });
    expect(calls).toEqual(["cancel"]);
    expect(await read).toMatch(/aborted/);
  });

  it("leaves no timer behind an answer that is complete", async () => {
    const { backend, clock, done } = await relaying({ withinMs: 1000 });
    backend.head(204, []);
    backend.end();
    await done;
    expect(clock.pending).toBe(0);
  });

  it("puts another Retry-After in place of the backend's", async () => {
    const { client, backend } = await relaying({ onHead: () => ({ pass: true, retryAfterSeconds: 7 }) });
    backend.head(429, ["Retry-After", "60", "retry-after-ms", "60000", "x-other", "1"]);
    backend.end();
    const { headers } = await answerTo(client);
    expect([headers["retry-after"], headers["retry-after-ms"], headers["x-other"]]).toEqual([
      "7",
      undefined,
      "1",
    ]);
  });
});

describe("an answer that is thrown away", () => {
  const discarding = async () => {
    const world = await relaying({ onHead: () => ({ pass: false }) });
    world.backend.head(500, []);
    expect(await world.done).toMatchObject({ allowed: true, value: "again" });
    expect(world.attempts).toMatchObject([{ outcome: "answered" }]);
    return world;
  };

  it("reaches the client in no part, and a short one is read to its end for its connection's sake", async () => {
    const { response, backend, clock, calls } = await discarding();
    backend.data(Buffer.alloc(60_000));
    backend.end();
    expect([response.headersSent, calls, clock.pending]).toEqual([false, [], 0]);
  });

  it("is cut when it is long", async () => {
    const { backend, calls } = await discarding();
    backend.data(Buffer.alloc(64 * 1024));
    expect(calls).toEqual([]);
    backend.data(Buffer.alloc(1));
    expect(calls).toEqual(["cancel"]);
  });

  it("is cut when it is slow", async () => {
    const { clock, calls } = await discarding();
    await clock.advance(1000);
    expect(calls).toEqual(["cancel"]);
  });

  it("may break off", async () => {
    const { response, backend, clock } = await discarding();
    backend.error(new GatewayError("backend_unreachable", "broke off"));
    expect([response.destroyed, clock.pending]).toEqual([false, 0]);
  });
});

describe("the measure of an answer", () => {
  const measuring = async (onHead?: RelayContext["onHead"]) => {
    const seen: string[] = [];
    const measure: AnswerMeasure = {
      measured: (inner) => ({
        ...inner,
        head(status, headers) {
          seen.push(`head ${status}`);
          inner.head(status, headers);
        },
        data: (chunk) => {
          seen.push(`data ${chunk.length}`);
          return inner.data(chunk);
        },
        end: () => inner.end(),
        error: (fault) => inner.error(fault),
      }),
      over: () => seen.push("over"),
    };
    return { seen, ...(await relaying({ measure, ...(onHead === undefined ? {} : { onHead }) })) };
  };

  it("sees an answer that passes, and its end", async () => {
    const { seen, backend, done } = await measuring();
    backend.head(200, []);
    backend.data(Buffer.from("abc"));
    backend.end();
    await done;
    expect(seen).toEqual(["head 200", "data 3", "over"]);
  });

  it("hears that the caller left", async () => {
    const { seen, client, backend, done } = await measuring();
    backend.head(200, []);
    await answerTo(client);
    client.destroy();
    await expect(done).rejects.toThrow(CallerLeft);
    expect(seen).toEqual(["head 200", "over"]);
  });

  it("sees nothing of an answer that is thrown away", async () => {
    const { seen, backend, done } = await measuring(() => ({ pass: false }));
    backend.head(500, []);
    await done;
    backend.data(Buffer.from("abc"));
    backend.end();
    expect(seen).toEqual(["over"]);
  });
});
