// oxlint-disable no-underscore-dangle, typescript/unbound-method -- the pieces are seen only where a socket is handed them
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, get } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { buffer } from "node:stream/consumers";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { testPki } from "../../support/test-pki.ts";
import { AnswerWriter } from "../../../src/gateway/answer-writer.ts";

/** The pieces in which an answer left the server, as text. */
async function piecesOf(
  write: (writer: AnswerWriter, response: ServerResponse) => unknown,
  request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
): Promise<string[]> {
  const pieces: string[] = [];
  const server = createServer((_request, response) => {
    const socket = response.socket!;
    const { _write: one, _writev: several } = socket;
    socket._write = function (chunk: Buffer | string, ...rest) {
      pieces.push(chunk.toString());
      one.call(this, chunk, ...rest);
    };
    socket._writev = function (chunks, done) {
      pieces.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      several!.call(this, chunks, done);
    };
    write(new AnswerWriter(response), response);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.write(request);
  let seen = "";
  client.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  await once(client, "close");
  expect(pieces.join("")).toBe(seen);
  return pieces;
}

/** The bodies of answers in chunks that stand one behind the other. */
function bodiesIn(answers: Buffer): Buffer[] {
  const bodies: Buffer[] = [];
  for (let at = 0; at < answers.length;) {
    at = answers.indexOf("\r\n\r\n", at) + 4;
    const chunks: Buffer[] = [];
    for (let size = -1; size !== 0;) {
      const line = answers.indexOf("\r\n", at);
      size = Number.parseInt(answers.toString("latin1", at, line), 16);
      chunks.push(answers.subarray(line + 2, line + 2 + size));
      at = line + 2 + size + 2;
      expect(answers.toString("latin1", at - 2, at)).toBe("\r\n");
    }
    bodies.push(Buffer.concat(chunks));
  }
  return bodies;
}

const turn = () => new Promise(setImmediate);

/** A stream of unknown length whose head, event and end come in turns of their own. */
async function oneEvent(writer: AnswerWriter): Promise<void> {
  writer.head(200, []);
  await turn();
  writer.data(Buffer.from("event"));
  await turn();
  writer.end();
}

const length = (bytes: number) => ["content-length", String(bytes)];

describe("AnswerWriter", () => {
  it("writes a head and a whole body that came together in one piece", async () => {
    const pieces = await piecesOf((writer) => {
      writer.head(200, length(4));
      writer.data(Buffer.from("body"));
      writer.end();
    });
    expect(pieces).toHaveLength(1);
    expect(pieces[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nbody$/);
  });

  it("keeps the order of several pieces that came with the head", async () => {
    const pieces = await piecesOf((writer) => {
      writer.head(200, length(6));
      for (const piece of ["ab", "cd", "ef"]) writer.data(Buffer.from(piece));
      writer.end();
    });
    expect(pieces.join("")).toMatch(/\r\n\r\nabcdef$/);
  });

  it("lets a head that came alone go before anything follows it", async () => {
    const pieces = await piecesOf((writer) => {
      writer.head(200, length(4));
      setImmediate(() => {
        writer.data(Buffer.from("late"));
        writer.end();
      });
    });
    expect(pieces[0]).toMatch(/\r\n\r\n$/);
    expect(pieces.slice(1).join("")).toBe("late");
  });

  it("lets a first piece go that nothing follows for now", async () => {
    const pieces = await piecesOf((writer) => {
      writer.head(200, length(8));
      writer.data(Buffer.from("early"));
      setImmediate(() => {
        writer.data(Buffer.from("end"));
        writer.end();
      });
    });
    expect(pieces[0]).toMatch(/early$/);
    expect(pieces.slice(1).join("")).toBe("end");
  });

  it("writes an event of a stream in one piece, with its frame", async () => {
    const pieces = await piecesOf(oneEvent);
    expect(pieces.slice(1)).toEqual(["5\r\nevent\r\n", "0\r\n\r\n"]);
  });

  it.each([
    ["a client of HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", /\r\n\r\nevent$/],
    ["a request for the head alone", "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", /\r\n\r\n$/],
  ])("frames nothing for %s", async (_, request, expected) => {
    const pieces = await piecesOf(oneEvent, request);
    expect(pieces.join("")).toMatch(expected);
  });

  it.each([
    ["a response that was ended", (response: ServerResponse) => response.end(), ["0\r\n\r\n"]],
    ["a socket that was ended", (response: ServerResponse) => response.socket!.end(), []],
  ])("writes no event into %s in the meantime", async (_, end, expected) => {
    let faults = 0;
    const pieces = await piecesOf(async (writer, response) => {
      response.on("error", () => {});
      response.socket!.on("error", () => (faults += 1));
      writer.head(200, []);
      await turn();
      end(response);
      writer.data(Buffer.from("event"));
    });
    expect(pieces.slice(1)).toEqual(expected);
    expect(faults).toBe(0);
  });

  it("gives each of two answers on a connection its own bytes, whatever their pieces and when they come", async () => {
    const piece = fc.record({ size: fc.oneof(fc.nat(40), fc.nat(70_000)), late: fc.boolean() });
    const answer = fc.array(piece, { maxLength: 12 });
    const server = createServer();
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    await fc.assert(
      fc.asyncProperty(answer, answer, async (...answers) => {
        const bodies = answers.map((pieces, nth) => pieces.map(({ size }) => Buffer.alloc(size, `${nth}`)));
        const serve = async (response: ServerResponse, nth: number) => {
          const writer = new AnswerWriter(response);
          writer.head(200, []);
          for (const [at, bytes] of bodies[nth]!.entries()) {
            if (answers[nth]![at]!.late) await turn();
            writer.data(bytes);
          }
          writer.end();
        };
        let next = 0;
        server
          .removeAllListeners("request")
          .on("request", (_request, response: ServerResponse) => void serve(response, next++));
        const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
        const request = "GET / HTTP/1.1\r\nhost: a\r\n";
        client.write(`${request}\r\n${request}connection: close\r\n\r\n`);
        expect(bodiesIn(await buffer(client))).toEqual(bodies.map((pieces) => Buffer.concat(pieces)));
      }),
      { numRuns: 100 },
    );
  });

  it("writes nothing into a response that was cut in the meantime", async () => {
    const pieces = await piecesOf((writer, response) => {
      writer.head(200, length(4));
      writer.data(Buffer.from("body"));
      response.destroy();
    });
    expect(pieces).toEqual([]);
  });

  it("leaves an answer alone that the gateway gave in the meantime", async () => {
    const pieces = await piecesOf((writer, response) => {
      response.writeHead(503, { "content-length": 2 });
      writer.head(200, length(4));
      expect(writer.data(Buffer.from("late"))).toBe(true);
      response.end("no");
      writer.data(Buffer.from("er"));
      writer.end();
    });
    expect(pieces.join("")).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\n\r\nno$/);
  });

  it("says when the client takes no more", async () => {
    let taken: boolean[] = [];
    await piecesOf((writer, response) => {
      writer.head(200, length(3 * 2 ** 20));
      taken = [1, 2, 3].map(() => writer.data(Buffer.alloc(2 ** 20)));
      writer.end();
      return response;
    });
    expect(taken).toEqual([true, false, false]);
  });

  it("says that there is room, though what filled the socket left before the rest was given to it", async () => {
    const pki = await testPki();
    const server = createTlsServer(
      { cert: pki.server.chainPem, key: pki.server.keyPem },
      (_request, response) => {
        const writer = new AnswerWriter(response);
        writer.head(200, []);
        let rounds = 0;
        const fill = () => {
          rounds += 1;
          if (rounds > 20) return writer.end();
          writer.data(Buffer.alloc(6544));
          while (writer.data(Buffer.alloc(30_000)));
        };
        response.on("drain", fill);
        setImmediate(fill);
      },
    );
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const [answer] = (await once(get({ port, ca: pki.root.pem, agent: false }), "response")) as [
      IncomingMessage,
    ];
    expect((await buffer(answer)).length).toBeGreaterThan(20 * 36_000);
  });

  it("lets all heads go that came alone in the same turn", async () => {
    const flushed: string[] = [];
    for (const name of ["first", "ended", "last"]) {
      const response = {
        writeHead() {},
        flushHeaders: () => flushed.push(name),
        end: () => flushed.push(`${name}'s end`),
      } as unknown as ServerResponse;
      const writer = new AnswerWriter(response);
      writer.head(200, []);
      if (name === "ended") writer.end();
    }
    await new Promise(setImmediate);
    expect(flushed).toEqual(["ended's end", "first", "last"]);
  });
});
