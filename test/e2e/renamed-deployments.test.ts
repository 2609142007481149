import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Question } from "../support/ask.ts";
import { refusedSocket } from "../support/socket-client.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startTlsBackend, type TlsBackend } from "../support/tls-backend.ts";
import { startWorld, type World } from "../support/world.ts";

// Each deployment has a twin that its backend calls by the first one's name. A request to the twin must arrive as the
// same request to the first one does, in every byte.
const names = ["chat", "embed", "image", "speech"];
const twinOf = (name: string) => `${name}-for-europe`;
let world: World;
let backend: TlsBackend;

beforeAll(async () => {
  const pki = await createTestPki();
  backend = await startTlsBackend({ cert: pki.server.chainPem, key: pki.server.keyPem });
  world = await startWorld({
    pki,
    configure(config) {
      config["backends"] = {
        main: {
          endpoint: `https://localhost:${backend.port}/base`,
          credential: "gateway",
          caFile: "root.pem",
        },
      };
      const on = (deployment: string) => ({ backends: [{ backend: "main", deployment }] });
      config["deployments"] = Object.fromEntries(
        names.flatMap((name) => [
          [name, on(name)],
          [twinOf(name), on(name)],
        ]),
      );
      config["features"] = ["data-sources"];
      Object.assign(config["clients"]["device-1"], {
        deployments: [...names, ...names.map(twinOf)],
        operations: ["inference", "realtime"],
      });
    },
  });
});
afterAll(async () => {
  await world.stop();
  await backend.stop();
});
beforeEach(() => {
  backend.arrivals.length = 0;
});

const json = { "content-type": "application/json" };
const multipart = { "content-type": "multipart/form-data; boundary=b0undary" };
/** What stands in a request and is no name of a deployment. */
const decoys = `chat-for-europe \\"model\\":\\"chat\\" \\u0063hat grüße \u{1f600}`;

function form(...parts: readonly (readonly [name: string, content: string, file?: string])[]): Buffer {
  const text = parts
    .map(
      ([name, content, file]) =>
        `--b0undary\r\ncontent-disposition: form-data; name="${name}"${file === undefined ? "" : `; filename="${file}"`}\r\n\r\n${content}\r\n`,
    )
    .join("");
  return Buffer.from(`${text}--b0undary--\r\n`, "latin1");
}
const sound = `\u0000RIFF chat speech-for-europe \r\n--b0undar\r\n name="model"\r\n\r\nspeech\u00ff`;

/** @param called how the client calls a deployment */
const requests: readonly [string, (called: (name: string) => string) => Question][] = [
  [
    "in the path",
    (called) => ({
      path: `/openai/deployments/${called("chat")}/chat/completions?api-version=2024-10-21`,
      headers: json,
      body: `{"messages":[{"role":"user","content":"${decoys}"}],"user":"chat-for-europe"}`,
    }),
  ],
  [
    "in the path, and idly in the body",
    (called) => ({
      path: `/openai/deployments/${called("chat")}/chat/completions?api-version=2024-10-21`,
      headers: { ...json, "x-request-id": "chat", "openai-beta": ["a=1", "b=2"] },
      body: `\t{ "seed" : 1E+2,"model" : "${called("chat")}" , "messages":[ ],\r\n"n":0.10 }\n`,
    }),
  ],
  [
    "in the path named as its own segments are",
    (called) => ({
      path: `/openai/deployments/${called("embed")}/embeddings?api-version=2024-10-21`,
      headers: json,
      body: '{"input":["embed","deployments"]}',
    }),
  ],
  [
    "in the body of a v1 request",
    (called) => ({
      path: "/openai/v1/chat/completions?api-version=preview",
      headers: json,
      body: `{"messages":[{"role":"user","content":"${decoys}"}],"model":"${called("chat")}","stream":false}`,
    }),
  ],
  [
    "in the body of a request for a model",
    (called) => ({
      path: "/models/chat/completions?api-version=2024-05-01-preview",
      headers: json,
      body: `{"model":"${called("chat")}","messages":[{"role":"user","content":"${decoys}"}]}`,
    }),
  ],
  [
    "a second time, for the embeddings of a search",
    (called) => ({
      path: `/openai/deployments/${called("chat")}/chat/completions?api-version=2024-10-21`,
      headers: json,
      body: `{"messages":[],"data_sources":[{"type":"azure_search","parameters":{"index_name":"embed-for-europe","embedding_dependency":{"type":"deployment_name","deployment_name":"${called("embed")}"}}}]}`,
    }),
  ],
  [
    "a second time, in the header for images",
    (called) => ({
      path: "/openai/v1/responses",
      headers: { ...json, "x-ms-oai-image-generation-deployment": called("image") },
      body: `{"model":"${called("chat")}","input":"${decoys}","tools":[{"type":"image_generation"}]}`,
    }),
  ],
  [
    "in a form, before its file",
    (called) => ({
      path: "/openai/v1/audio/transcriptions",
      headers: multipart,
      body: form(["model", called("speech")], ["file", sound, "speech.wav"], ["prompt", "speech"]),
    }),
  ],
  [
    "in a form, behind its file",
    (called) => ({
      path: "/openai/v1/audio/transcriptions",
      headers: multipart,
      body: form(["prompt", "speech-for-europe"], ["file", sound, "speech"], ["model", called("speech")]),
    }),
  ],
  [
    "in a form that streams",
    (called) => ({
      path: "/openai/v1/audio/translations",
      headers: multipart,
      body: form(["model", called("speech")], ["file", `${sound}${"chat".repeat(600_000)}`, "a.wav"]),
    }),
  ],
  [
    "in the path of a form",
    (called) => ({
      path: `/openai/deployments/${called("speech")}/audio/transcriptions?api-version=2024-10-21`,
      headers: multipart,
      body: form(["file", sound, "speech-for-europe.wav"], ["language", "de"]),
    }),
  ],
];

/** As it arrived, but for the id that each request has of its own. */
async function arrivalOf(question: Question) {
  expect((await world.ask(question)).status).toBe(200);
  expect(backend.arrivals).toHaveLength(1);
  const { rawHeaders, ...rest } = backend.arrivals.pop()!;
  return {
    ...rest,
    headers: rawHeaders.map((text, at, all) => (all[at - 1] === "x-certgate-request-id" ? "" : text)),
  };
}

describe("a deployment that its backend calls otherwise, named", () => {
  it.each(requests)("%s, is renamed, and nothing else is", async (_where, request) => {
    const plain = request((name) => name);
    const expected = await arrivalOf(plain);
    // What does not need another name goes as it came.
    expect(expected).toMatchObject({
      url: `/base${plain.path}`,
      body: Buffer.from(plain.body as string | Uint8Array).toString("latin1"),
    });
    expect(await arrivalOf(request(twinOf))).toEqual(expected);
  });

  it("in the query of a WebSocket, is refused: its messages cannot be renamed", async () => {
    for (const path of [
      `/openai/v1/realtime?model=${twinOf("chat")}`,
      `/openai/realtime?api-version=2024-10-01-preview&deployment=${twinOf("chat")}`,
    ]) {
      const refused = await refusedSocket(world, { path });
      expect([refused.status, refused.json.error.code]).toEqual([403, "deployment_not_permitted"]);
      expect(refused.json.error.message).toContain("cannot be renamed");
    }
    expect(backend.arrivals).toEqual([]);
  });

  it("by its backend's name, is another deployment, and needs its own grant", async () => {
    await world.reconfigure((config) => {
      config["clients"]["device-1"].deployments = names.map(twinOf);
    });
    for (const [, request] of requests) {
      const answer = await world.ask(request((name) => name));
      expect([answer.status, answer.json.error.code]).toEqual([403, "deployment_not_permitted"]);
    }
    expect(backend.arrivals).toEqual([]);
    expect((await arrivalOf(requests[0]![1](twinOf))).url).toContain("/deployments/chat/");
  });
});
