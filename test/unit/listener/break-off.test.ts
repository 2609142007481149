import { once } from "node:events";
import {
  createServer,
  get,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { deny } from "../../../src/model/verdict.ts";
import { breakOff } from "../../../src/listener/break-off.ts";

const denied = deny("shutting_down", "");

/** What a client got of an answer that was begun like this and then broken off. */
async function gets(begin: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    begin(response);
    setImmediate(() => breakOff(request, response, denied, "request-1"));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const asked = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  const error = await (async () => {
    for await (const chunk of answer as AsyncIterable<Buffer>) text += chunk.toString("utf8");
  })().catch(String);
  return { status: answer.statusCode, text, error };
}

const begun = (headers: OutgoingHttpHeaders) => (response: ServerResponse) => {
  response.writeHead(200, headers);
  response.write("data: one\n\n");
};

describe("an answer that is broken off", () => {
  it("is the refusal where nothing was sent", async () => {
    const { status, text, error } = await gets(() => {});
    expect([status, error]).toEqual([503, undefined]);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "shutting_down" } });
  });

  it("gets one last event where it is an event stream, and ends before its end", async () => {
    const { text, error } = await gets(begun({ "content-type": "text/event-stream; charset=utf-8" }));
    expect(text).toMatch(/^data: one\n\n\n\nevent: error\ndata: \{.*"code":"shutting_down".*\}\n\n$/);
    expect(error).toMatch(/aborted/);
  });

  it.each([
    ["no event stream", { "content-type": "application/json" }],
    ["a compressed one", { "content-type": "text/event-stream", "content-encoding": "gzip" }],
    [
      "one whose body only speaks of event streams",
      { "content-type": "text/plain", "x-was": "text/event-stream" },
    ],
  ])("just ends before its end where it is %s", async (_what, headers) => {
    const { text, error } = await gets(begun(headers));
    expect(text).not.toContain("shutting_down");
    expect(error).toMatch(/aborted/);
  });

  it("is left alone where it was whole already", async () => {
    const { text, error } = await gets((response) => void response.end("whole"));
    expect([text, error]).toEqual(["whole", undefined]);
  });
});
