import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { ByteBudget } from "../../../src/kernel/byte-budget.ts";
import { CallerLeft, readBody } from "../../../src/gateway/read-body.ts";

const limit = 1000;

let room = { total: 10_000, perOwner: 10_000 };
afterEach(() => {
  room = { total: 10_000, perOwner: 10_000 };
});

/** Sends one request; the test reads its body on the other side. */
async function exchange(headers: Record<string, string | number> = {}) {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const arrived = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  for (const event of ["request", "checkContinue"])
    server.on(event, (request: IncomingMessage, response: ServerResponse) =>
      arrived.resolve([request, response]),
    );
  const { port } = server.address() as AddressInfo;
  const client = httpRequest({ host: "127.0.0.1", port, method: "POST", headers, agent: false });
  // A test that refuses a body cuts the connection in the end.
  client.on("error", () => {});
  client.flushHeaders();
  const [request, response] = await arrived.promise;
  const budget = new ByteBudget(() => room);
  const read = (deadlineMs?: number) => readBody(request, response, limit, budget.open("me"), deadlineMs);
  return { client, request, response, budget, read };
}

const bytes = (count: number) => Buffer.alloc(count, "x");

describe("readBody", () => {
  it("joins the pieces of a body", async () => {
    const { client, read } = await exchange();
    const body = read();
    for (const piece of ["one ", "two ", "three"])
      await new Promise<void>((sent) => client.write(piece, () => sent()));
    client.end();
    const verdict = await body;
    expect(verdict.allowed && Buffer.from(verdict.value).toString()).toBe("one two three");
  });

  it("reads an empty body as no bytes", async () => {
    const { client, read } = await exchange();
    client.end();
    expect(await read()).toMatchObject({ allowed: true, value: { length: 0 } });
  });

  it("takes a body that is as long as the limit", async () => {
    const { client, read } = await exchange();
    client.end(bytes(limit));
    expect(await read()).toMatchObject({ allowed: true, value: { length: limit } });
  });

  it("refuses a body without a declared length at its first byte too many, and reads no further", async () => {
    const { client, request, read } = await exchange();
    const body = read();
    client.write(bytes(limit));
    client.write(bytes(1));
    expect(await body).toMatchObject({ allowed: false, code: "body_too_large" });
    expect(request.isPaused()).toBe(true);
  });

  it("refuses a declared length over the limit before a byte is read", async () => {
    const { request, read } = await exchange({ "content-length": limit + 1 });
    // Nothing was sent: whoever waited for a byte would wait for ever.
    expect(await read()).toMatchObject({ allowed: false, code: "body_too_large" });
    expect(request.readableFlowing).toBe(null);
  });

  it("asks a client that waits for its word for the body", async () => {
    const { client, read } = await exchange({ expect: "100-continue", "content-length": 4 });
    client.once("continue", () => client.end("body"));
    expect(await read()).toMatchObject({ allowed: true, value: { length: 4 } });
  });

  it("does not ask for a body that it refuses", async () => {
    const { client, request, read } = await exchange({ expect: "100-continue", "content-length": limit + 1 });
    let asked = false;
    client.once("continue", () => (asked = true));
    expect(await read()).toMatchObject({ allowed: false, code: "body_too_large" });
    const answered = once(client, "response");
    request.socket.end("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n");
    await answered;
    expect(asked).toBe(false);
  });

  it("refuses a body that does not come", async () => {
    const { client, request, read } = await exchange({ "content-length": 10 });
    client.write("half");
    expect(await read(50)).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(request.isPaused()).toBe(true);
  });

  it.each([
    ["all clients together", { total: 10, perOwner: 10 }, "overloaded", { perOwner: 100 }],
    ["one client", { total: 100, perOwner: 10 }, "bodies_exceeded", {}],
  ])(
    "refuses what would be more than %s may have held, and lets go of the rest",
    async (_whose, limits, code, more) => {
      room = { ...limits, ...more };
      const { client, request, budget, read } = await exchange();
      const body = read();
      client.write(bytes(10));
      await once(request, "data");
      expect(budget.held).toBe(10);
      client.write(bytes(1));
      expect(await body).toMatchObject({ allowed: false, code });
      expect(request.isPaused()).toBe(true);
      expect(budget.held).toBe(0);
    },
  );

  it("counts a body until its answer is over", async () => {
    const { client, response, budget, read } = await exchange();
    client.end(bytes(5));
    await read();
    expect(budget.held).toBe(5);
    response.end();
    await once(response, "close");
    expect(budget.held).toBe(0);
  });

  describe("that is there already", () => {
    /** All of it has arrived before it is read. */
    async function arrived(...pieces: Buffer[]) {
      const { client, request, ...rest } = await exchange();
      for (const piece of pieces) await new Promise<void>((sent) => client.write(piece, () => sent()));
      client.end();
      await expect.poll(() => request.complete).toBe(true);
      return { client, request, ...rest };
    }

    it("is taken as it is, and counted", async () => {
      const { budget, read } = await arrived(...Array.from("one two", (letter) => Buffer.from(letter)));
      const verdict = await read();
      expect(verdict.allowed && Buffer.from(verdict.value).toString()).toBe("one two");
      expect(budget.held).toBe(7);
    });

    it("may be empty", async () => {
      expect(await (await arrived()).read()).toMatchObject({ allowed: true, value: { length: 0 } });
    });

    it("is refused where it is longer than the limit", async () => {
      const { budget, read } = await arrived(bytes(limit - 1), bytes(1), bytes(1));
      expect(await read()).toMatchObject({ allowed: false, code: "body_too_large" });
      expect(budget.held).toBe(0);
    });

    it("is refused where there is no room for it", async () => {
      room = { total: 10, perOwner: 100 };
      expect(await (await arrived(bytes(11))).read()).toMatchObject({ allowed: false, code: "overloaded" });
    });
  });

  it("throws CallerLeft where the caller left before it was read", async () => {
    const { client, request, read } = await exchange({ "content-length": 10 });
    client.destroy();
    await expect.poll(() => request.destroyed).toBe(true);
    await expect(read()).rejects.toThrow(CallerLeft);
  });

  it("throws CallerLeft when the caller leaves midway", async () => {
    const { client, read } = await exchange({ "content-length": 10 });
    const body = read();
    client.write("half", () => client.destroy());
    await expect(body).rejects.toThrow(CallerLeft);
  });
});
