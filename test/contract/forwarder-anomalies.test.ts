import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Forwarded, forward, forwarderTo } from "../support/forwarded.ts";
import { startRawBackend } from "../support/raw-backend.ts";
import { testPki } from "../support/test-pki.ts";

/** A backend that answers in its very own bytes, and a forwarder to it. */
async function startLane(answer?: string) {
  const pki = await testPki();
  const backend = await startRawBackend(pki);
  backend.answer = answer;
  const forwarder = forwarderTo(backend.url, pki.root.pem);
  onTestFinished(async () => {
    backend.stop();
    await forwarder.close();
  });
  return { backend, forwarder };
}

const broken = { code: "backend_unreachable", sent: true };
const ok = "HTTP/1.1 200 OK\r\n";
const next = `${ok}Content-Length: 7\r\n\r\nof-next`;

describe("an answer", () => {
  it.each<[string, string, number, string]>([
    ["with a length", `${ok}Content-Length: 4\r\n\r\nbody`, 200, "body"],
    ["without a reason", "HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok", 200, "ok"],
    ["in chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`, 200, "body"],
    ["with trailers", `${ok}transfer-encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\nX: y\r\n\r\n`, 200, "body"],
    [
      "with extensions of chunks",
      `${ok}transfer-encoding: chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\n\r\n`,
      200,
      "body",
    ],
    [
      "behind interim ones",
      `HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${next}`,
      200,
      "of-next",
    ],
  ])("%s is complete, and its connection is used again", async (_what, answer, status, body) => {
    const { backend, forwarder } = await startLane(answer);
    for (let turn = 0; turn < 2; turn += 1)
      expect(await forward(forwarder).over).toMatchObject({ status, body, outcome: "end" });
    expect(backend.received).toHaveLength(1);
  });

  it.each<[string, string, string?]>([
    ["asks to close", `${ok}Connection: close\r\nContent-Length: 4\r\n\r\nbody`],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"],
    [
      "says that its connection is over in a second",
      `${ok}Keep-Alive: timeout=1\r\nContent-Length: 4\r\n\r\nbody`,
    ],
    ["has bytes behind it", `${ok}Content-Length: 4\r\n\r\nbody${next}`],
    ["has a line end behind it", `${ok}Content-Length: 4\r\n\r\nbody\r\n`],
    [
      "has bytes behind its last chunk",
      `${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n${next}`,
    ],
    // Whatever might still come behind it: it could be a body that should not be there.
    ["has no body", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["says that nothing has changed", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""],
  ])(
    "that %s is complete, and the next one comes on another connection",
    async (_what, answer, body = "body") => {
      const { backend, forwarder } = await startLane(answer);
      expect(await forward(forwarder).over).toMatchObject({ body, outcome: "end" });
      backend.answer = next;
      expect(await forward(forwarder).over).toMatchObject({ body: "of-next", outcome: "end" });
      expect(backend.received).toHaveLength(2);
    },
  );

  it.each<[string, string]>([
    ["to HEAD", `${ok}Content-Length: 7\r\n\r\nof-next`],
    ["204", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nof-next"],
    ["304", "HTTP/1.1 304 Not Modified\r\n\r\nof-next"],
  ])("%s that has a body all the same gives it to nobody", async (what, answer) => {
    const { backend, forwarder } = await startLane(answer);
    const method = what === "to HEAD" ? "HEAD" : "GET";
    expect(await forward(forwarder, { method }).over).toMatchObject({ body: "", outcome: "end" });
    backend.answer = `${ok}Content-Length: 2\r\n\r\nmy`;
    expect(await forward(forwarder).over).toMatchObject({ body: "my", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });

  it.each<[string, string]>([
    ["two lengths", `${ok}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody`],
    ["a list of lengths", `${ok}Content-Length: 4, 4\r\n\r\nbody`],
    ["a signed length", `${ok}Content-Length: +4\r\n\r\nbody`],
    ["a length in hexadecimal", `${ok}Content-Length: 0x4\r\n\r\nbody`],
    ["no length where it says one", `${ok}Content-Length:\r\n\r\nbody`],
    [
      "length and chunks",
      `${ok}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
    ],
    ["another encoding", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`],
    ["a tab behind its encoding", `${ok}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`],
    ["a length of an interim one", `HTTP/1.1 103 Early\r\nContent-Length: 4\r\n\r\n${next}`],
    ["an interim one that closes", `HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n${next}`],
    ["two encodings", `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a space before the colon", `${ok}Content-Length : 4\r\n\r\nbody`],
    ["a folded line", `${ok}X: a\r\n b\r\nContent-Length: 4\r\n\r\nbody`],
    ["a bare LF", `${ok}X: a\nContent-Length: 4\r\n\r\nbody`],
    ["a bare CR", `${ok}X: a\rContent-Length: 4\r\n\r\nbody`],
    ["a NUL", `${ok}X: a\0b\r\nContent-Length: 4\r\n\r\nbody`],
    ["a line without a colon", `${ok}X\r\nContent-Length: 4\r\n\r\nbody`],
    ["an unknown version", "HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\nbody"],
    ["a status beyond 599", "HTTP/1.1 600 OK\r\nContent-Length: 4\r\n\r\nbody"],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ["no end of interim ones", "HTTP/1.1 102 Processing\r\n\r\n".repeat(17)],
    ["a head without end", `${ok}X: ${"y".repeat(17 * 1024)}`],
    ["another language", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
  ])("with %s is none", async (_what, answer) => {
    const { backend, forwarder } = await startLane(answer);
    expect(await forward(forwarder).over).toMatchObject({ status: undefined, outcome: broken });
    backend.answer = next;
    expect(await forward(forwarder).over).toMatchObject({ body: "of-next", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });

  it.each<[string, string]>([
    ["a chunk size that is none", "x\r\nbody\r\n"],
    ["a negative chunk size", "-4\r\nbody\r\n"],
    ["a chunk size beyond all", `${"f".repeat(17)}\r\nbody\r\n`],
    ["a space behind a chunk size", "4 \r\nbody\r\n"],
    ["an empty chunk size", "\r\nbody\r\n"],
    ["a bare LF behind a chunk size", "4\nbody\r\n"],
    ["a bare LF behind a chunk", "4\r\nbody\n0\r\n\r\n"],
    ["a chunk that is longer than it says", "3\r\nbody\r\n0\r\n\r\n"],
    ["an extension with a line end", "4;a\nb\r\nbody\r\n"],
    ["an extension without end", `4;${"a".repeat(300)}`],
    ["a malformed trailer", "4\r\nbody\r\n0\r\nX : y\r\n\r\n"],
    ["an extension without a name", "4;\r\nbody\r\n"],
    ["a length in its trailers", "4\r\nbody\r\n0\r\nContent-Length: 4\r\n\r\n"],
    ["trailers without end", `4\r\nbody\r\n0\r\n${"X: y\r\n".repeat(4000)}`],
  ])("with %s breaks off", async (_what, chunks) => {
    const { backend, forwarder } = await startLane(`${ok}Transfer-Encoding: chunked\r\n\r\n${chunks}`);
    expect(await forward(forwarder).over).toMatchObject({ status: 200, outcome: broken });
    backend.answer = next;
    expect(await forward(forwarder).over).toMatchObject({ body: "of-next", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });
});

describe("what stands behind an answer", () => {
  it("is not the answer of whoever waits for a connection, though it comes in a record of its own", async () => {
    const { backend, forwarder } = await startLane();
    const connecting = backend.next();
    const first = forward(forwarder);
    const socket = await connecting;
    const waiting = forward(forwarder);
    backend.answer = next;
    const head = `${ok}Content-Length: 16000\r\nX: `;
    // As long as a TLS record can be, so that what follows it, in the same write, is in another one.
    const filling = "x".repeat(16_384 - head.length - 4 - 16_000);
    socket.write(`${head}${filling}\r\n\r\n${"b".repeat(16_000)}${ok}Content-Length: 8\r\n\r\npoisoned`);
    expect((await first.over).body).toHaveLength(16_000);
    expect(await waiting.over).toMatchObject({ body: "of-next", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });
});

describe("what comes while the end of an answer is read", () => {
  it("is not the answer of who gets its connection", async () => {
    const { backend, forwarder } = await startLane();
    const connecting = backend.next();
    let waiting: Forwarded | undefined;
    const first = forward(forwarder, {}, (soFar) => {
      if (soFar < 6) return true;
      socket.write(`${ok}Content-Length: 8\r\n\r\npoisoned`);
      backend.answer = next;
      waiting = forward(forwarder);
      return true;
    });
    const socket = await connecting;
    socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await first.answered;
    socket.write("3\r\ndef\r\n0\r\n\r\n");
    expect(await first.over).toMatchObject({ body: "abcdef", outcome: "end" });
    expect(await waiting?.over).toMatchObject({ body: "of-next", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });
});

describe("the end of a connection", () => {
  it("is the end of an answer that says no other", async () => {
    const { backend, forwarder } = await startLane();
    const connecting = backend.next();
    const forwarded = forward(forwarder);
    (await connecting).end(`${ok}\r\nall that there is`);
    expect(await forwarded.over).toMatchObject({ body: "all that there is", outcome: "end" });
  });

  it.each([
    ["before an answer", ""],
    ["within a head", "HTTP/1.1 200 OK\r\nX"],
    ["within a body", `${ok}Content-Length: 5\r\n\r\nbody`],
    ["within a chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nbody`],
    ["before the last chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n`],
  ])("%s breaks it off", async (_when, answer) => {
    const { backend, forwarder } = await startLane();
    const connecting = backend.next();
    const forwarded = forward(forwarder);
    (await connecting).end(answer);
    expect((await forwarded.over).outcome).toMatchObject(broken);
  });

  it("while nobody uses it is no fault", async () => {
    const { backend, forwarder } = await startLane(next);
    const connecting = backend.next();
    await forward(forwarder).over;
    const socket = await connecting;
    socket.end();
    await once(socket, "close");
    expect(await forward(forwarder).over).toMatchObject({ body: "of-next", outcome: "end" });
  });
});

describe("an unused connection", () => {
  it("on which something comes that nobody asked for is given up", async () => {
    const { backend, forwarder } = await startLane(next);
    const connecting = backend.next();
    await forward(forwarder).over;
    const socket: TLSSocket = await connecting;
    socket.write(`${ok}Content-Length: 8\r\n\r\npoisoned`);
    await once(socket, "close");
    expect(await forward(forwarder).over).toMatchObject({ body: "of-next", outcome: "end" });
    expect(backend.received).toHaveLength(2);
  });

  it("is closed with its forwarder, and one that is used when its answer is complete", async () => {
    const { backend, forwarder } = await startLane(next);
    const connecting = backend.next();
    await forward(forwarder).over;
    const idle = await connecting;
    backend.answer = undefined;
    const busy = forward(forwarder);
    const another = backend.next();
    const second = forward(forwarder);
    const used = await another;
    const closing = forwarder.close();
    for (const socket of [idle, used]) socket.write(next);
    expect([(await busy.over).outcome, (await second.over).outcome]).toEqual(["end", "end"]);
    await closing;
    expect((await forward(forwarder).over).outcome).toMatchObject({ sent: false });
  });
});
