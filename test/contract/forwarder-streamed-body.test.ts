import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { BodyBrokenOff, type OutboundBody } from "../../src/model/outbound-request.ts";
import { deny } from "../../src/model/verdict.ts";
import { forwarderTo } from "../support/forwarded.ts";
import { testPki } from "../support/test-pki.ts";

/** A backend, a forwarder to it, and a sink that writes down what it hears. */
async function forwarding(listener: RequestListener) {
  const { server, root } = await testPki();
  const backend = createServer({ cert: server.chainPem, key: server.keyPem }, listener).listen(
    0,
    "127.0.0.1",
  );
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const forwarder = forwarderTo(`https://localhost:${port}`, root.pem);
  onTestFinished(async () => {
    backend.closeAllConnections();
    backend.close();
    await forwarder.close();
  });
  const heard: unknown[] = [];
  const over = Promise.withResolvers<void>();
  const send = (body: OutboundBody) =>
    forwarder.forward(
      { method: "POST", path: "/", headers: ["content-type", "text/plain"], body },
      {
        head: (status) => void heard.push(status),
        data: () => true,
        end() {
          heard.push("end");
          over.resolve();
        },
        error(fault) {
          heard.push(fault);
          over.resolve();
        },
      },
    );
  return { send, heard, over: over.promise, backend };
}

/** A stream that the test feeds; its faults are heard by who consumes it. */
const source = () => new Readable({ read() {} }).on("error", () => {});
const closed = (stream: Readable) => new Promise<void>((resolve) => stream.once("close", () => resolve()));
const held = Buffer.from("held, ");

describe("a streamed body", () => {
  it.each([
    ["with its length", 10, "10", undefined],
    ["in chunks when its length is unknown", undefined, undefined, "chunked"],
  ])("goes out %s, what was held first", async (_how, length, contentLength, encoding) => {
    const got = Promise.withResolvers<unknown>();
    const { send, heard, over } = await forwarding((request, response) => {
      request.once("data", () => rest.push(null));
      const whole = request.toArray() as Promise<Buffer[]>;
      request.once("end", () => response.end());
      got.resolve(
        (async () => [
          request.headers["content-length"],
          request.headers["transfer-encoding"],
          Buffer.concat(await whole).toString(),
        ])(),
      );
    });
    const rest = source();
    send({ length, held, rest });
    rest.push("rest");
    expect(await got.promise).toEqual([contentLength, encoding, "held, rest"]);
    await over;
    expect(heard).toEqual([200, "end"]);
  });

  it.each([
    ["declared", 10],
    ["chunked", undefined],
  ])("that breaks off (%s) never ends at the backend, and its own fault is told", async (_how, length) => {
    const broken = Promise.withResolvers<string>();
    const { send, heard, over } = await forwarding((request) => {
      request.once("data", () => rest.destroy(fault));
      request.toArray().then(
        () => broken.resolve("complete"),
        () => broken.resolve("broken off"),
      );
    });
    const fault = new BodyBrokenOff(deny("request_malformed", "It is bad."));
    const rest = source();
    send({ length, held, rest });
    rest.push("res");
    await over;
    expect(heard).toEqual([fault]);
    expect(await broken.promise).toBe("broken off");
  });

  it("that broke off before it was sent opens no request", async () => {
    let asked = 0;
    const { send, heard, over } = await forwarding(() => (asked += 1));
    const rest = source();
    rest.destroy(new BodyBrokenOff());
    await closed(rest);
    send({ length: undefined, held: Buffer.alloc(0), rest });
    await over;
    expect([asked, heard]).toEqual([0, [expect.any(BodyBrokenOff)]]);
  });

  it("that ends before its declared length breaks the request off", async () => {
    const broken = Promise.withResolvers<string>();
    const { send, heard, over } = await forwarding((request) => {
      request.once("data", () => rest.push(null));
      request.toArray().then(
        () => broken.resolve("complete"),
        () => broken.resolve("broken off"),
      );
    });
    const rest = source();
    send({ length: 10, held, rest });
    await over;
    expect(heard).toMatchObject([{ code: "backend_unreachable" }]);
    expect(await broken.promise).toBe("broken off");
  });

  it("is destroyed when the backend answers before its end, and the answer is relayed", async () => {
    const { send, heard, over } = await forwarding((_request, response) => response.writeHead(413).end());
    const rest = source();
    send({ length: undefined, held, rest });
    await Promise.all([over, closed(rest)]);
    expect(heard).toEqual([413, "end"]);
  });

  it("is destroyed when the backend resets", async () => {
    const { send, heard, over } = await forwarding((request) => request.socket.destroy());
    const rest = source();
    send({ length: undefined, held, rest });
    await Promise.all([over, closed(rest)]);
    expect(heard).toMatchObject([{ code: "backend_unreachable" }]);
  });

  it("is destroyed when no connection can be had", async () => {
    const { send, heard, over, backend } = await forwarding(() => {});
    backend.close();
    const rest = source();
    send({ length: undefined, held, rest });
    await Promise.all([over, closed(rest)]);
    expect(heard).toMatchObject([{ code: "backend_unreachable" }]);
  });

  it("is destroyed when the caller goes, also while it waits for a connection", async () => {
    const { send, heard } = await forwarding(() => {});
    const rest = source();
    send({ length: undefined, held, rest }).cancel();
    await closed(rest);
    expect(heard).toEqual([]);
  });

  it("is read no faster than the backend reads", async () => {
    const { send } = await forwarding(() => {});
    let given = 0;
    const stands = Promise.withResolvers<void>();
    let timer: NodeJS.Timeout | undefined;
    const rest = new Readable({
      read() {
        clearTimeout(timer);
        timer = setTimeout(stands.resolve, 500);
        given += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    }).on("error", () => {});
    onTestFinished(() => clearTimeout(timer));
    send({ length: undefined, held, rest });
    await stands.promise;
    expect(given).toBeLessThan(16 * 1024 * 1024);
  });
});
