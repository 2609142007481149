import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSocket } from "../support/socket-client.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure(config) {
      config["clients"]["device-1"].operations = ["inference", "realtime"];
      config["limits"] = { webSocketMessageBytes: 200_000 };
    },
  });
});
afterAll(() => world.stop());

const realtime = "/openai/v1/realtime?model=gpt-test";
const responses = "/openai/v1/responses";
const other = "gpt-other";
const update = (session: object) => JSON.stringify({ type: "session.update", session });
const create = (body: object) => JSON.stringify({ type: "response.create", ...body });

/** The gateway's two ends of a new WebSocket. */
async function opened(path: string) {
  const arriving = world.azure.openAi.sockets.next();
  const client = await openSocket(world, { path });
  return { client, backend: await arriving };
}

describe("a message that names what was not granted never reaches the backend", () => {
  it.each<[string, string, string | Buffer, string]>([
    ["the session's model", realtime, update({ model: other }), "deployment_not_permitted"],
    [
      "a transcription's model",
      realtime,
      update({ input_audio_transcription: { model: other } }),
      "deployment_not_permitted",
    ],
    [
      "a nested transcription's model",
      realtime,
      update({ audio: { input: { transcription: { model: other } } } }),
      "deployment_not_permitted",
    ],
    [
      "a transcription session's model",
      realtime,
      JSON.stringify({
        type: "transcription_session.update",
        session: { input_audio_transcription: { model: other } },
      }),
      "deployment_not_permitted",
    ],
    ["a deployment that does not exist", realtime, update({ model: "nowhere" }), "deployment_not_permitted"],
    [
      "a model in an unknown place",
      realtime,
      create({ response: { model: other } }),
      "deployment_not_permitted",
    ],
    ["the response's model", responses, create({ model: other, input: "x" }), "deployment_not_permitted"],
    ["no model", responses, create({ input: "x" }), "request_malformed"],
    [
      "a key twice",
      responses,
      '{"type":"response.create","model":"gpt-test","model":"gpt-other","input":"x"}',
      "request_malformed",
    ],
    [
      "an escaped key",
      responses,
      '{"type":"response.create","model":"gpt-test","\\u006dodel":"gpt-other","input":"x"}',
      "request_malformed",
    ],
    [
      "an escaped model",
      responses,
      '{"type":"response.create","model":"gpt-\\u006fther","input":"x"}',
      "request_malformed",
    ],
    ["a key in another case", responses, create({ model: "gpt-test", Model: other }), "request_malformed"],
    [
      "two messages in one",
      responses,
      `${create({ model: "gpt-test" })}${create({ model: other })}`,
      "request_malformed",
    ],
    ["a BOM", responses, `\uFEFF${create({ model: "gpt-test" })}`, "request_malformed"],
    [
      "an image tool",
      responses,
      create({ model: "gpt-test", tools: [{ type: "image_generation", model: other }] }),
      "deployment_not_permitted",
    ],
    [
      "a response of somebody else",
      responses,
      create({ model: "gpt-test", previous_response_id: "resp_foreign" }),
      "object_not_found",
    ],
  ])("%s", async (_what, path, message, reason) => {
    const { client, backend } = await opened(path);
    client.send(message);
    // What follows in the same breath must not slip through.
    client.send(path === realtime ? update({}) : create({ model: "gpt-test", input: "x" }));
    const error = await client.next("error");
    expect(error.error.message).toEqual(expect.any(String));
    expect(await client.closed).toEqual({ code: 1008, reason });
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
    const line = (await world.log()).findLast(({ msg }) => msg === "request");
    expect(line).toMatchObject({ decision: "denied", reason, status: 101, client: "device-1" });
  });
});

describe("a message in another form", () => {
  it("that is binary closes the connection with 1003", async () => {
    const { client, backend } = await opened(responses);
    client.send(Buffer.from(create({ model: "gpt-test", input: "x" })));
    expect(await client.next("error")).toMatchObject({ error: { code: "request_malformed" } });
    expect(await client.closed).toEqual({ code: 1003, reason: "request_malformed" });
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
  });

  it("that comes in fragments is judged as a whole, and goes as one", async () => {
    const { client, backend } = await opened(responses);
    const whole = create({ model: "gpt-test", input: "in pieces" });
    client.webSocket.send(whole.slice(0, 20), { fin: false });
    client.webSocket.send(whole.slice(20, 40), { fin: false });
    client.webSocket.send(whole.slice(40), { fin: true });
    await client.next("response.completed");
    expect(backend.messages.all.map(({ data }) => data.toString("utf8"))).toEqual([whole]);
  });

  it("that comes in fragments is refused as a whole", async () => {
    const { client, backend } = await opened(responses);
    const whole = create({ model: "gpt-other", input: "in pieces" });
    for (let at = 0; at < whole.length; at += 7)
      client.webSocket.send(whole.slice(at, at + 7), { fin: at + 7 >= whole.length });
    expect(await client.closed).toEqual({ code: 1008, reason: "deployment_not_permitted" });
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
  });

  it("that is too large closes the connection with 1009", async () => {
    const { client, backend } = await opened(responses);
    client.send(create({ model: "gpt-test", input: "x".repeat(200_000) }));
    expect((await client.closed).code).toBe(1009);
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
    const line = (await world.log()).findLast(({ msg }) => msg === "request");
    expect(line).toMatchObject({ decision: "denied", reason: "body_too_large" });
  });

  it("that is not UTF-8 closes the connection with 1007", async () => {
    const { client, backend } = await opened(responses);
    client.webSocket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    expect((await client.closed).code).toBe(1007);
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
  });
});

describe("messages", () => {
  it("go byte for byte and in order, whatever had to be looked up for one of them", async () => {
    const { client, backend } = await opened(responses);
    client.send(create({ model: "gpt-test", input: "first" }));
    const { response } = await client.next("response.completed");
    const sent = [
      create({ model: "gpt-test", input: "second", previous_response_id: response.id }),
      create({ input: "ümläut \u2028", model: "gpt-test" }),
      ` {"type" : "response.create",\n"model":"gpt-test", "input":"spaces"} `,
    ];
    for (const message of sent) client.send(message);
    for (const _ of sent) await client.next("response.completed");
    expect(backend.messages.all.slice(1).map(({ data }) => data.toString("utf8"))).toEqual(sent);
  });

  it("that stand right behind the upgrade are read as well", async () => {
    const arriving = world.azure.openAi.sockets.next();
    const client = await openSocket(world, {
      path: responses,
      options: {
        finishRequest(request) {
          request.once("socket", (socket) => {
            // A frame with an empty mask, in the same segment as the head.
            const text = Buffer.from(create({ model: "gpt-other" }));
            const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
            socket.once("secureConnect", () => socket.cork());
            request.end();
            socket.once("secureConnect", () => {
              setImmediate(() => {
                socket.write(frame);
                socket.uncork();
              });
            });
          });
        },
      },
    });
    const backend = await arriving;
    expect(await client.closed).toEqual({ code: 1008, reason: "deployment_not_permitted" });
    await backend.closed;
    expect(backend.messages.all).toEqual([]);
  });
});
