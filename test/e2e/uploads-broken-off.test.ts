import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { resetConnection } from "../../src/dev/azure/reset.ts";
import { form, lastDelimiter, part } from "../support/upload.ts";
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
const faults: unknown[] = [];
const onFault = (fault: unknown) => void faults.push(fault);
beforeAll(async () => {
  process.on("unhandledRejection", onFault);
  world = await startUploadWorld();
});
afterAll(async () => {
  await world.stop();
  process.off("unhandledRejection", onFault);
});
afterEach(() => {
  // oxlint-disable-next-line vitest/no-standalone-expect -- it belongs to each test
  expect(faults).toEqual([]);
});

const line = (model: string) =>
  `${JSON.stringify({
    custom_id: "1",
    method: "POST",
    url: "/v1/chat/completions",
    body: { model, messages: [{ role: "user", content: "x".repeat(20_000) }] },
  })}\n`;

describe("an upload that turns out bad when most of it was sent on", () => {
  const file = () => part("file", randomBytes(4 * MiB), "a.wav");
  it.each([
    [
      "a second model",
      transcriptions,
      () => form(forAzure, file(), part("model", "gpt-other")),
      'he part "model" stands twice',
    ],
    [
      "a second file",
      transcriptions,
      () => form(forAzure, file(), part("file", "more", "b.wav")),
      'he part "file" stands twice',
    ],
    [
      "bytes behind its end",
      transcriptions,
      () => Buffer.concat([form(forAzure, file()), forAzure]),
      "ytes follow the last delimiter",
    ],
    ["no end", transcriptions, () => Buffer.concat([forAzure, file()]), "ends before its last delimiter"],
    [
      "a line for another deployment",
      files,
      () =>
        form(
          part("purpose", "batch"),
          part("file", line("gpt-test").repeat(200) + line("gpt-other"), "b.jsonl"),
        ),
      "Line 201 of the batch",
    ],
  ] as const)(
    "with %s is never complete at the backend, and its caller is told",
    async (_what, path, make, why) => {
      for (const framing of ["content-length", "chunked"]) {
        const body = make();
        const before = (await world.records()).length;
        const arrived = world.azure.openAi.requests.next();
        const sent = world.start(path, framing === "chunked" ? {} : { length: body.length });
        await sent.send(body);
        sent.request.end();
        const received = await arrived;
        await expect(received.body).rejects.toThrow("aborted");
        expect(await received.outcome).toBe("aborted");
        const answer = await sent.answer;
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.json.error.message).toContain(why);
        await expect.poll(async () => (await world.records(before)).length).toBe(1);
        expect((await world.records(before))[0]).toMatchObject({
          decision: "denied",
          reason: answer.json.error.code,
        });
      }
    },
  );

  it("keeps the last delimiter back, also from a backend that does not wait for the end of the body", async () => {
    const arrived = world.nextOnSlow();
    const sent = world.start(transcriptions);
    await sent.send(form(forSlow, part("file", randomBytes(2 * MiB), "a.wav")));
    const [request] = await arrived;
    const seen: Buffer[] = [];
    request.on("data", (chunk: Buffer) => seen.push(chunk));
    await expect.poll(() => Buffer.concat(seen).length).toBeGreaterThan(2 * MiB - 65_536);
    sent.request.end(forSlow);
    request.on("error", () => {});
    await new Promise((closed) => request.once("close", closed));
    expect(Buffer.concat(seen).includes(lastDelimiter.subarray(0, -2))).toBe(false);
    expect(await sent.answer).toMatchObject({ status: 400 });
  });

  it("is cut where the answer has begun already", async () => {
    world.onSlow(
      (_request, response) => void response.writeHead(200, { "content-type": "text/plain" }).write("half"),
    );
    const sent = world.start(transcriptions);
    const begun = once(sent.request, "response");
    await sent.send(Buffer.concat([forSlow, part("file", randomBytes(2 * MiB), "a.wav")]));
    await begun;
    const before = (await world.records()).length;
    sent.request.write(forSlow);
    await expect(sent.answer).rejects.toThrow("aborted");
    await expect.poll(async () => (await world.records(before)).length).toBe(1);
    expect((await world.records(before))[0]).toMatchObject({
      decision: "denied",
      reason: "request_malformed",
    });
  });
});

describe("when one side goes", () => {
  it("a client that leaves midway leaves the backend with half a form, and one record", async () => {
    const before = (await world.records()).length;
    const arrived = world.azure.openAi.requests.next();
    const sent = world.start(transcriptions);
    await sent.send(Buffer.concat([forAzure, part("file", randomBytes(2 * MiB), "a.wav")]));
    const received = await arrived;
    sent.request.destroy();
    await expect(received.body).rejects.toThrow("aborted");
    await expect.poll(async () => (await world.records(before)).map(({ status }) => status)).toEqual([499]);
  });

  it("a backend that resets midway is told as unreachable, and the client need not send the rest", async () => {
    const before = (await world.records()).length;
    world.onSlow((request) => void request.once("data", () => resetConnection(request)));
    const sent = world.start(transcriptions);
    const sending = sent.send(form(forSlow, part("file", randomBytes(64 * MiB), "a.wav")));
    expect(await sent.answer).toMatchObject({
      status: 502,
      json: { error: { code: "backend_unreachable" } },
    });
    await sending;
    expect(sent.taken()).toBeLessThan(24 * MiB);
    // The exchange is over when the client's time to read its answer is.
    await expect
      .poll(async () => (await world.records(before)).map(({ reason }) => reason), { timeout: 5000 })
      .toEqual(["backend_unreachable"]);
  });

  it("a backend's early answer is relayed, and the rest of a large body is not read for ever", async () => {
    const before = (await world.records()).length;
    world.onSlow(
      (_request, response) =>
        void response
          .writeHead(429, { "content-type": "application/json", "retry-after": "7" })
          .end('{"slow":"down"}'),
    );
    const sent = world.start(transcriptions);
    const sending = sent.send(form(forSlow, part("file", randomBytes(64 * MiB), "a.wav")));
    const answer = await sent.answer;
    expect(answer).toMatchObject({ status: 429, json: { slow: "down" } });
    expect(answer.headers["retry-after"]).toBe("7");
    await sending;
    expect(sent.taken()).toBeLessThan(24 * MiB);
    await expect.poll(async () => (await world.records(before)).map(({ status }) => status)).toEqual([429]);
  });
});
