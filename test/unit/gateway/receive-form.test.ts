import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ByteBudget } from "../../../src/kernel/byte-budget.ts";
import { CallerLeft } from "../../../src/gateway/read-body.ts";
import { receiveForm } from "../../../src/gateway/receive-form.ts";
import { BodyBrokenOff, type StreamedBody } from "../../../src/model/outbound-request.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { boundary, form, lastDelimiter, part } from "../../support/upload.ts";

const MiB = 1024 * 1024;
const limits = { heldBytes: 2 * MiB, bodyBytes: 4 * MiB };
const parsedWith = (itsBoundary: string) => {
  const parsed = parseHead({
    method: "POST",
    url: "/openai/v1/audio/transcriptions",
    headers: ["content-type", `multipart/form-data; boundary=${itsBoundary}`],
  });
  if (!parsed.allowed) throw new Error(parsed.detail);
  return parsed.value;
};
const head = parsedWith(boundary);

/** Begins one upload; the test receives it on the other side. */
async function uploading(
  headers: Record<string, string | number> = {},
  stallMs = 20_000,
  room = 64 * MiB,
  itsHead = head,
) {
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
  client.on("error", () => {});
  client.flushHeaders();
  const [request, response] = await arrived.promise;
  const budget = new ByteBudget(() => ({ total: room, perOwner: 64 * MiB }));
  const received = receiveForm(itsHead, request, response, { ...limits, stallMs }, budget.open("me"));
  return { client, request, response, budget, received };
}

/** The streamed body of a form that was let through. */
async function streamed(received: ReturnType<typeof receiveForm>): Promise<StreamedBody> {
  const verdict = await received;
  if (!verdict.allowed) throw new Error(verdict.detail);
  if (verdict.value.body instanceof Uint8Array) throw new Error("it is whole");
  return verdict.value.body;
}

const model = part("model", "whisper");
const file = part("file", Buffer.alloc(1.5 * MiB, 7), "a.wav");

describe("receiveForm", () => {
  it("refuses what would be more than may be held, and lets go of the rest", async () => {
    const { client, budget, received } = await uploading({}, 20_000, MiB);
    client.write(file);
    expect(await received).toMatchObject({ allowed: false, code: "overloaded" });
    expect(budget.held).toBe(0);
  });

  it("counts what it holds until its target is known, not what streams", async () => {
    const { client, response, budget, received } = await uploading();
    client.write(model);
    // Longer than a form that is held whole anyway.
    client.write(part("file", Buffer.alloc(1.5 * MiB, 7), "a.wav"));
    const { rest, held } = await streamed(received);
    rest.resume();
    client.end(lastDelimiter);
    await once(rest, "end");
    expect(budget.held).toBeGreaterThanOrEqual(held.length);
    expect(budget.held).toBeLessThan(MiB);
    response.end();
    await once(response, "close");
    expect(budget.held).toBe(0);
  });

  it("gives the bytes whole when the target is known at the end only", async () => {
    const { client, received } = await uploading();
    const body = form(file, model);
    client.end(body);
    const verdict = await received;
    expect(verdict).toMatchObject({ allowed: true, value: { target: { deployments: ["whisper"] } } });
    expect(verdict.allowed && body.equals(verdict.value.body as Uint8Array)).toBe(true);
  });

  it("gives a form whole that declares to be small, although its model comes first", async () => {
    const body = form(model, part("file", "short", "a.wav"));
    const { client, received } = await uploading({ "content-length": body.length });
    client.end(body);
    const verdict = await received;
    expect(verdict.allowed && body.equals(verdict.value.body as Uint8Array)).toBe(true);
  });

  it("streams from the file on, with the model in what is held, and asks for no more until it is read", async () => {
    const body = form(model, file);
    const { client, request, received } = await uploading({ "content-length": body.length });
    client.end(body);
    const { held, rest, length } = await streamed(received);
    expect(length).toBe(body.length);
    expect(Buffer.from(held).includes("whisper")).toBe(true);
    expect([held.length < body.length, request.isPaused()]).toEqual([true, true]);
    expect(Buffer.concat([held, ...(await rest.toArray())]).equals(body)).toBe(true);
  });

  it("has all of the model in what is held, however long the boundary is and wherever a piece ends", async () => {
    const long = "b".repeat(70);
    const begin = `--${long}\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n--${long}\r\n`;
    const disposition = 'content-disposition: form-data; name="file"; filename=""\r\n\r\n';
    const { client, request, received } = await uploading({}, 20_000, 64 * MiB, parsedWith(long));
    client.write(begin + disposition);
    await once(request, "data");
    client.write("x".repeat(1000));
    const { held } = await streamed(received);
    expect(Buffer.from(held).toString()).toContain(begin);
  });

  it("keeps the last delimiter back until the body has ended", async () => {
    const { client, received } = await uploading();
    client.write(form(model, file));
    const { held, rest } = await streamed(received);
    const seen: Buffer[] = [Buffer.from(held)];
    const ended = once(rest, "end");
    rest.on("data", (chunk: Buffer) => seen.push(chunk));
    const delimiter = lastDelimiter.subarray(0, -2);
    await expect.poll(() => Buffer.concat(seen).length).toBeGreaterThan(MiB);
    expect(Buffer.concat(seen).includes(delimiter)).toBe(false);
    client.end();
    await ended;
    expect(Buffer.concat(seen).includes(delimiter)).toBe(true);
  });

  it("never ends a form of which a late part is bad", async () => {
    const { client, request, received } = await uploading();
    client.end(form(model, file, model));
    const { rest } = await streamed(received);
    await expect(rest.toArray()).rejects.toMatchObject({
      name: "BodyBrokenOff",
      denied: { code: "request_malformed", detail: expect.stringContaining("stands twice") },
    });
    expect(request.isPaused()).toBe(true);
  });

  it.each([
    ["that says so, before a byte is read", { "content-length": limits.bodyBytes + 1 }],
    ["of which no target is known yet", {}],
  ])("refuses a form over a limit %s", async (_when, headers) => {
    const { client, received } = await uploading(headers);
    if (!("content-length" in headers)) client.write(part("file", Buffer.alloc(3 * MiB), "a.wav"));
    expect(await received).toMatchObject({ allowed: false, code: "body_too_large" });
  });

  it("breaks off a form that passes the limit while it streams", async () => {
    const { client, received } = await uploading();
    client.end(form(model, part("file", Buffer.alloc(5 * MiB), "a.wav")));
    const { rest } = await streamed(received);
    await expect(rest.toArray()).rejects.toMatchObject({ denied: { code: "body_too_large" } });
  });

  it("asks a client that waits for its word for the form", async () => {
    const body = form(model, part("file", "short", "a.wav"));
    const { client, received } = await uploading({ expect: "100-continue", "content-length": body.length });
    client.once("continue", () => client.end(body));
    expect(await received).toMatchObject({ allowed: true });
  });

  it("throws CallerLeft when the caller leaves before the target is known", async () => {
    const { client, received } = await uploading();
    client.write(part("file", "half", "a.wav"), () => client.destroy());
    await expect(received).rejects.toThrow(CallerLeft);
  });

  it("breaks the stream off when the caller leaves later, also while nobody reads it yet", async () => {
    const { client, request, received } = await uploading();
    client.write(Buffer.concat([model, part("file", "half", "a.wav")]));
    await once(request, "data");
    client.write("x".repeat(100));
    const { rest } = await streamed(received);
    client.destroy();
    const [fault] = (await once(rest, "error")) as [BodyBrokenOff];
    expect([fault instanceof BodyBrokenOff, fault.denied]).toEqual([true, undefined]);
  });

  it("stops reading the client when the stream is destroyed", async () => {
    const { client, request, received } = await uploading();
    client.write(Buffer.concat([model, file]));
    const { rest } = await streamed(received);
    rest.resume();
    await once(rest, "data");
    rest.destroy();
    expect(request.isPaused()).toBe(true);
  });

  it.each([
    ["before its target is known", part("file", "half", "a.wav")],
    ["while it streams", Buffer.concat([model, part("file", "half", "a.wav")])],
  ])("refuses a form that stops arriving %s", async (_when, body) => {
    const { client, received } = await uploading({}, 50);
    client.write(body);
    const verdict = await received;
    let outcome: unknown = verdict;
    if (verdict.allowed) {
      const { rest } = await streamed(received);
      await new Promise((closed) => rest.resume().once("close", closed));
      outcome = (rest.errored as BodyBrokenOff).denied;
    }
    expect(outcome).toMatchObject({ code: "request_malformed", detail: "The form stopped arriving." });
  });

  it("does not hold it against a client that it was made to wait", async () => {
    const body = form(model, file);
    const { client, received } = await uploading({}, 50);
    client.end(body);
    const { held, rest } = await streamed(received);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(Buffer.concat([held, ...(await rest.toArray())]).equals(body)).toBe(true);
  });
});
