import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, startBypassBench } from "../support/bypass-bench.ts";

/** `gpt-test` is called `gpt-real` at its backend, where somebody else's deployment is called `gpt-test`. */
let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench((config) => {
    config["deployments"]["gpt-test"] = { backends: [{ backend: "main", deployment: "gpt-real" }] };
  });
});
afterAll(() => bench.world.stop());

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const headOf = (path: string, boundary: string) =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=${boundary}\r\ntransfer-encoding: chunked\r\n\r\n`;
const field = (boundary: string, name: string, value: string) =>
  `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (boundary: string) =>
  `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename=""\r\n\r\n`;

/** What the backend got of a form that came in two pieces. */
async function arrived(path: string, boundary: string, first: string, second: string) {
  const { requests } = bench.world.azure.openAi;
  requests.clear();
  const connection = await bench.open();
  connection.write(headOf(path, boundary) + chunk(first));
  // So that both are read apart: where they are not, nothing else is proved than without it.
  await setTimeout(50);
  connection.write(`${chunk(second)}0\r\n\r\n`);
  const answer = await connection.read();
  await connection.close();
  const bodies = await Promise.all(requests.all.map(async ({ body }) => String(await body)));
  return { status: answer?.status, reason: answer?.headers["x-certgate-reason"], bodies };
}

describe("a form that streams to a backend with another name for its deployment", () => {
  it.each([1, 30, 50, 70])("never names there what it names here (boundary of %d)", async (length) => {
    const boundary = "b".repeat(length);
    const before = field(boundary, "model", "gpt-test") + file(boundary);
    const behind = `${"x".repeat(5000)}\r\n--${boundary}--\r\n`;
    const { bodies } = await arrived("/openai/v1/audio/transcriptions", boundary, before, behind);
    expect(bodies).toEqual([before.replace("gpt-test", "gpt-real") + behind]);
  });
});
