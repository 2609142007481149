import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, type Forwarded, startBypassBench } from "../support/bypass-bench.ts";
import { type RawAnswer, rawRequest } from "../support/raw-client.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const target = "/openai/v1/chat/completions";
const bodyFor = (name: string) => `{"model":"${name}","messages":[{"role":"user","content":"hello"}]}`;
const body = bodyFor("gpt-test");
const good = { target, body };
const arrives: Forwarded = { operation: "chat-completions" };
const chunk = (text: string, extension = "") => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const last = "0\r\n\r\n";
const chunked = { ...good, framing: ["transfer-encoding: chunked"], body: `${chunk(body)}${last}` };
/** A whole request for the other deployment, to be taken for a body by one and for a request by another. */
const smuggled = rawRequest({ target, body: bodyFor("gpt-other") }).toString();
const head = (...lines: readonly string[]) =>
  Buffer.from(
    `POST ${target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${lines.join("")}`,
  );

/**
 * Sends bytes, then asks once more on the same connection while it is open: that answer comes after everything that the
 * bytes led to. Returns the answers before it and the bodies that reached the local Azure, the last question's left out.
 */
async function everythingFrom(bytes: Uint8Array): Promise<{ answers: RawAnswer[]; bodies: string[] }> {
  const { requests } = bench.world.azure.openAi;
  requests.clear();
  const connection = await bench.open();
  connection.write(bytes);
  const answers: RawAnswer[] = [];
  connection.write(rawRequest({ target: "/openai/v1/models", headers: ["connection: close"] }));
  for (let answer = await connection.read(); answer !== undefined; answer = await connection.read())
    answers.push(answer);
  await connection.close();
  const bodies = await Promise.all(requests.all.map(async (one) => String(await one.body)));
  return { answers: answers.filter(({ body: text }) => !text.includes('"object":"list"')), bodies };
}

describe("a body whose end two readers see in two places", () => {
  it.each<[string, Uint8Array]>([
    [
      "two lengths, the longer last",
      rawRequest({ ...good, framing: [`content-length: ${body.length}`, "content-length: 999"] }),
    ],
    [
      "two lengths, the shorter last",
      rawRequest({ ...good, framing: [`content-length: ${body.length}`, "content-length: 0"] }),
    ],
    [
      "two lengths that agree",
      rawRequest({ ...good, framing: Array(2).fill(`content-length: ${body.length}`) as string[] }),
    ],
    [
      "a list of lengths",
      rawRequest({ ...good, framing: [`content-length: ${body.length}, ${body.length}`] }),
    ],
    ["a signed length", rawRequest({ ...good, framing: [`content-length: +${body.length}`] })],
    ["a negative length", rawRequest({ ...good, framing: ["content-length: -1"] })],
    ["a length in hex", rawRequest({ ...good, framing: [`content-length: 0x${body.length.toString(16)}`] })],
    [
      "a length with a space before its colon",
      rawRequest({ ...good, framing: [`content-length : ${body.length}`] }),
    ],
    ["an empty length", rawRequest({ ...good, framing: ["content-length:"] })],
    [
      "a length and chunks",
      rawRequest({ ...chunked, framing: ["content-length: 4", "transfer-encoding: chunked"] }),
    ],
    [
      "chunks and a length",
      rawRequest({ ...chunked, framing: ["transfer-encoding: chunked", "content-length: 4"] }),
    ],
    [
      "a length of nothing, and chunks",
      rawRequest({
        ...chunked,
        framing: ["transfer-encoding: chunked", "content-length: 0"],
        body: `${last}${smuggled}`,
      }),
    ],
    [
      "chunks that are not the last coding",
      rawRequest({ ...chunked, framing: ["transfer-encoding: chunked, identity"] }),
    ],
    [
      "chunks twice",
      rawRequest({ ...chunked, framing: ["transfer-encoding: chunked", "transfer-encoding: chunked"] }),
    ],
    [
      "chunks under a name with a space",
      rawRequest({ ...chunked, framing: ["transfer-encoding : chunked"] }),
    ],
    [
      "chunks behind a vertical tab",
      rawRequest({ ...chunked, framing: ["transfer-encoding: \u000bchunked"] }),
    ],
    [
      "a folded line",
      head(`x-a: b\r\n transfer-encoding: chunked\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    ],
    ["a length on a folded line", head(`content-length:\r\n ${body.length}\r\n\r\n${body}`)],
    ["a lone line feed behind a header", head(`x-a: b\ncontent-length: ${body.length}\r\n\r\n${body}`)],
    ["a lone line feed before the body", head(`content-length: ${body.length}\n\n${body}`)],
    [
      "a lone carriage return in a header",
      head(`x-a: b\rcontent-length: 0\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    ],
    ["a zero byte in a header", head(`x-a: b\u0000c\r\ncontent-length: ${body.length}\r\n\r\n${body}`)],
    ["a header without a name", head(`: b\r\ncontent-length: ${body.length}\r\n\r\n${body}`)],
    ["a header without a colon", head(`x-a\r\ncontent-length: ${body.length}\r\n\r\n${body}`)],
    ["HTTP/0.9", Buffer.from(`GET ${target}\r\n`)],
    ["HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
    ["another version", Buffer.from(rawRequest(good).toString().replace("HTTP/1.1", "HTTP/1.2"))],
    ["no host", Buffer.from(rawRequest(good).toString().replace("host: localhost\r\n", ""))],
    ["two hosts", rawRequest({ ...good, headers: ["host: gpt-other.openai.azure.com"] })],
    ["chunks and gzip", rawRequest({ ...chunked, framing: ["transfer-encoding: gzip, chunked"] })],
  ])("is refused: %s", async (_name, bytes) => {
    await expect(bench.expectPasses(good, arrives)).resolves.toBeUndefined();
    const { answers, bodies } = await everythingFrom(bytes);
    expect(bodies).toEqual([]);
    expect(answers.map(({ status }) => status)).toEqual([400]);
  });

  // The head is good, and by then the exchange has begun: no answer can be written that might not be taken for its own.
  it.each<[string, Uint8Array]>([
    ["an unknown transfer coding", rawRequest({ ...chunked, framing: ["transfer-encoding: xchunked"] })],
    ["chunks in quotes", rawRequest({ ...chunked, framing: ['transfer-encoding: "chunked"'] })],
    ["a chunk size in decimal words", rawRequest({ ...chunked, body: `0x${chunk(body)}${last}` })],
    ["a negative chunk size", rawRequest({ ...chunked, body: `-${chunk(body)}${last}` })],
    [
      "a chunk size out of range",
      rawRequest({ ...chunked, body: `ffffffffffffffffff\r\n${body}\r\n${last}` }),
    ],
    [
      "chunks with lone line feeds",
      rawRequest({ ...chunked, body: `${chunk(body)}${last}`.replaceAll("\r\n", "\n") }),
    ],
    ["a chunk that is longer than it says", rawRequest({ ...chunked, body: `4\r\n${body}\r\n${last}` })],
  ])("ends the connection: %s", async (_name, bytes) => {
    await expect(bench.expectPasses(good, arrives)).resolves.toBeUndefined();
    expect(await everythingFrom(bytes)).toEqual({ answers: [], bodies: [] });
  });
});

describe("chunks", () => {
  it.each([
    ["in one piece", chunked.body],
    [
      "byte by byte",
      `${body
        .split("")
        .map((byte) => chunk(byte))
        .join("")}${last}`,
    ],
    ["with extensions", `${chunk(body, ";model=gpt-other")}${last}`],
    ["with a trailer", `${chunk(body)}0\r\nmodel: gpt-other\r\napi-key: gpt-other\r\n\r\n`],
    ["with a trailer that names a length", `${chunk(body)}0\r\nx-original-url: /gpt-other\r\n\r\n`],
  ])("%s arrive as one body of a known length", async (_name, text) => {
    await expect(
      bench.expectPasses({ ...chunked, body: text }, { ...arrives, body }),
    ).resolves.toBeUndefined();
  });

  it("hide no second model behind their seams", () =>
    expect(
      bench.prove({
        good: { ...chunked, body: `${chunk(body.slice(0, 12))}${chunk(body.slice(12))}${last}` },
        arrives: { ...arrives, body },
        bad: { ...chunked, body: `${chunk('{"model":"gpt-test","mo')}${chunk('del":"gpt-other"}')}${last}` },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined());
});

describe("requests one behind the other on one connection", () => {
  it("are judged one by one", async () => {
    const bytes = [good, { ...good, body: bodyFor("gpt-other") }, good].map(rawRequest);
    const { answers, bodies } = await everythingFrom(Buffer.concat(bytes));
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 200]);
    expect(bodies).toEqual([body, body]);
  });

  it("cannot be hidden in the body of the one before", async () => {
    const text = `{"model":"gpt-test","messages":[{"role":"user","content":${JSON.stringify(smuggled)}}]}`;
    const { answers, bodies } = await everythingFrom(rawRequest({ target, body: text }));
    expect(answers.map(({ status }) => status)).toEqual([200]);
    expect(bodies).toEqual([text]);
  });

  it("cannot follow a body that is shorter than it looks", async () => {
    const { bodies } = await everythingFrom(
      rawRequest({ ...good, framing: [`content-length: ${body.length}`], body: `${body}${smuggled}` }),
    );
    expect(bodies).toEqual([body]);
  });

  it.each([
    ["of a GET", rawRequest({ method: "GET", target: "/openai/v1/models", body: smuggled })],
    ["of a DELETE", rawRequest({ method: "DELETE", target: "/openai/v1/files/file-1", body: smuggled })],
    ["of a refused path", rawRequest({ target: "/openai/v1/unheard-of", body: smuggled })],
    [
      "of a body over the limit",
      rawRequest({ target, framing: ["content-length: 99999999"], body: smuggled }),
    ],
    [
      "of a length with a header that overrides",
      rawRequest({ target, headers: ["x-original-url: /"], body: smuggled }),
    ],
  ])("cannot stand in the unread body %s", async (_name, bytes) => {
    const { answers, bodies } = await everythingFrom(bytes);
    expect(bodies).toEqual([]);
    expect(answers).toHaveLength(1);
    expect(answers[0]?.status).toBeGreaterThanOrEqual(400);
  });
});

describe("Expect: 100-continue", () => {
  it("is answered, and brings no credentials of the client along", () =>
    expect(
      bench.expectPasses(
        {
          ...good,
          headers: ["expect: 100-continue", "authorization: Bearer of-gpt-other", "api-key: gpt-other"],
        },
        arrives,
      ),
    ).resolves.toBeUndefined());

  it("is not answered before the head is granted", async () => {
    const bad = {
      ...good,
      target: "/openai/deployments/gpt-other/chat/completions?api-version=1",
      headers: ["expect: 100-continue"],
    };
    await expect(
      bench.prove({
        good: { ...good, headers: ["expect: 100-continue"] },
        arrives,
        bad,
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined();
    const connection = await bench.open();
    connection.write(rawRequest({ ...bad, body: "", framing: [`content-length: ${body.length}`] }));
    expect((await connection.read())?.status).toBe(403);
    expect(connection.continued).toBe(0);
    await connection.close();
  });

  it("twice is refused", () =>
    expect(
      bench.prove({
        good: { ...good, headers: ["expect: 100-continue"] },
        arrives,
        bad: { ...good, headers: ["expect: 100-continue", "expect: 100-continue"] },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined());
});

describe("an upgrade", () => {
  it.each([
    ["to h2c passes as the request that it is", "h2c", 200],
    ["to something unheard of passes as the request that it is", "gpt-other", 200],
  ])("%s", (_name, protocol, status) =>
    expect(
      bench.expectPasses(
        {
          ...good,
          headers: ["connection: upgrade, http2-settings", `upgrade: ${protocol}`, "http2-settings: AAMA"],
        },
        { ...arrives, status },
      ),
    ).resolves.toBeUndefined(),
  );

  it("to a WebSocket takes no POST, and what follows it is no request", async () => {
    const bytes = rawRequest({ ...good, headers: ["connection: upgrade", "upgrade: websocket"] });
    const { answers, bodies } = await everythingFrom(Buffer.concat([bytes, Buffer.from(smuggled)]));
    expect(bodies).toEqual([]);
    expect(answers).toHaveLength(1);
    expect(answers[0]?.status).toBeGreaterThanOrEqual(400);
  });
});
