import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { form, part } from "../support/upload.ts";
import {
  files,
  forAzure,
  forSlow,
  MiB,
  startUploadWorld,
  transcriptions,
  type UploadWorld,
} from "../support/upload-world.ts";

let world: UploadWorld;
beforeAll(async () => {
  world = await startUploadWorld();
});
afterAll(() => world.stop());

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("an upload", () => {
  it.each(["content-length", "chunked"] as const)("of 64 MiB arrives byte for byte (%s)", async (framing) => {
    const body = form(part("purpose", "assistants"), part("file", randomBytes(64 * MiB), "large.bin"));
    const arrived = world.azure.openAi.requests.next();
    const sent = world.start(files, framing === "chunked" ? {} : { length: body.length });
    await sent.send(body);
    sent.request.end();
    const received = await arrived;
    expect(sha256(await received.body)).toBe(sha256(body));
    expect(received.header("content-length")).toBe(framing === "chunked" ? undefined : String(body.length));
    expect(received.header("transfer-encoding")).toBe(framing === "chunked" ? "chunked" : undefined);
    expect(await sent.answer).toMatchObject({ status: 200, json: { object: "file", bytes: 64 * MiB } });
  });

  it("waits while the backend does not read, and goes on when it does", async () => {
    const body = form(forSlow, part("file", randomBytes(64 * MiB), "a.wav"));
    const arrived = world.nextOnSlow();
    const sent = world.start(transcriptions, { length: body.length });
    const sending = sent.send(body);
    const [request, response] = await arrived;
    let before = -1;
    await expect
      .poll(
        () => {
          const stands = sent.taken() === before;
          before = sent.taken();
          return stands;
        },
        { interval: 400, timeout: 20_000 },
      )
      .toBe(true);
    // Two pairs of kernel buffers hold most of it.
    expect(sent.taken()).toBeLessThan(24 * MiB);
    const hash = createHash("sha256");
    for await (const chunk of request) hash.update(chunk as Buffer);
    response.end("{}");
    await sending;
    sent.request.end();
    expect((await sent.answer).status).toBe(200);
    expect(hash.digest("hex")).toBe(sha256(body));
  });

  it("is held until its model comes behind the file, and arrives whole", async () => {
    const body = form(part("file", randomBytes(3 * MiB), "a.wav"), forAzure);
    const arrived = world.azure.openAi.requests.next();
    const sent = world.start(transcriptions);
    await sent.send(body);
    sent.request.end();
    const received = await arrived;
    expect(received.header("content-length")).toBe(String(body.length));
    expect(sha256(await received.body)).toBe(sha256(body));
    expect((await sent.answer).json).toEqual({ text: `You said: ${3 * MiB} bytes of a.wav` });
  });

  it("is not asked for before the caller's rights are known, and then it is", async () => {
    const body = form(forAzure, part("file", randomBytes(2 * MiB), "a.wav"));
    const sent = world.start(transcriptions, { length: body.length, headers: { expect: "100-continue" } });
    await once(sent.request, "continue");
    await sent.send(body);
    sent.request.end();
    expect((await sent.answer).status).toBe(200);

    const denied = world.start("/openai/deployments/gpt-other/audio/transcriptions?api-version=2024-10-21", {
      length: body.length,
      headers: { expect: "100-continue" },
    });
    let asked = false;
    denied.request.once("continue", () => (asked = true));
    expect(await denied.answer).toMatchObject({
      status: 403,
      json: { error: { code: "deployment_not_permitted" } },
    });
    expect(asked).toBe(false);
  });
});

describe("an upload over a limit", () => {
  it("is refused before a byte when it says so itself", async () => {
    const sent = world.start(files, { length: 81 * MiB });
    sent.request.flushHeaders();
    expect(await sent.answer).toMatchObject({ status: 413, json: { error: { code: "body_too_large" } } });
  });

  it("is broken off midway when it does not, and the backend never has it whole", async () => {
    const arrived = world.azure.openAi.requests.next();
    const sent = world.start(files);
    const sending = sent.send(
      form(part("purpose", "assistants"), part("file", Buffer.alloc(81 * MiB), "a.bin")),
    );
    await expect((await arrived).body).rejects.toThrow("aborted");
    expect(await sent.answer).toMatchObject({ status: 413, json: { error: { code: "body_too_large" } } });
    await sending;
  });

  it("is refused when it does not say what it names while it can be held", async () => {
    const seen = world.azure.openAi.requests.count;
    const sent = world.start(transcriptions);
    const sending = sent.send(form(part("file", Buffer.alloc(6 * MiB), "a.wav"), forAzure));
    expect(await sent.answer).toMatchObject({ status: 413, json: { error: { code: "body_too_large" } } });
    await sending;
    expect(world.azure.openAi.requests.count).toBe(seen);
  });
});
