import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, startBypassBench } from "../support/bypass-bench.ts";
import { edited, goodTarget, hostileBody, hostileTarget } from "../support/hostile-requests.ts";
import { type LenientReaders, startLenientReaders } from "../support/lenient-readers.ts";
import { type RawConnection, type RawRequest, rawRequest } from "../support/raw-client.ts";

let bench: BypassBench;
let readers: LenientReaders;
beforeAll(async () => {
  [bench, readers] = await Promise.all([startBypassBench(), startLenientReaders()]);
}, 60_000);
afterAll(() => Promise.all([bench.world.stop(), readers.stop()]));

const granted = "gpt-test";
const other = "gpt-other";

const target = fc.oneof(
  { weight: 2, arbitrary: goodTarget(granted) },
  { weight: 1, arbitrary: hostileTarget(granted, other) },
);
/** Few members, so that two that matter often meet. */
const members = fc
  .array(
    fc.constantFrom(
      `"model":"${granted}"`,
      `"model":"${granted}"`,
      `"model":"${other}"`,
      `"\\u006dodel":"${other}"`,
      `"Model":"${other}"`,
      `"deployment":"${other}"`,
      `"input":{"model":"${other}"}`,
      `"tools":[{"type":"function","name":"f","model":"${other}"}]`,
      '"input":"x"',
      '"user":"\\u0061"',
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => Buffer.from(`{${all.join(",")}}`));
const body = fc.oneof(
  { weight: 2, arbitrary: members },
  {
    weight: 1,
    arbitrary: fc.constant(`{"model":"${granted}","input":"x"}`).map((text) => Buffer.from(text)),
  },
  { weight: 2, arbitrary: hostileBody(granted, other) },
);
const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant<string[]>([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.constantFrom(
        `x-ms-oai-image-generation-deployment: ${other}`,
        `x-ms-oai-image-generation-deployment: ${granted}`,
        `azureml-model-deployment: ${other}`,
        `x-original-url: /openai/deployments/${other}/chat/completions`,
        "x-http-method-override: PUT",
        `model: ${other}`,
        `x-model: ${other}`,
        `x-ms-deployment: ${other}`,
        `api-key: ${other}`,
        "connection: content-type",
        "content-encoding: gzip",
        "content-encoding: identity",
        "content-type: text/plain",
        "expect: 100-continue",
        `x-folded: a\r\n model: ${other}`,
        `x-bare: a\nmodel: ${other}`,
        "transfer-encoding: chunked",
        "content-length: 1",
      ),
      { minLength: 1, maxLength: 2 },
    ),
  },
);
const form = edited(
  fc
    .array(
      fc.constantFrom(
        `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${granted}\r\n`,
        `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${other}\r\n`,
        `--b\r\ncontent-disposition: form-data; name="Model"\r\n\r\n${other}\r\n`,
        `--b\ncontent-disposition: form-data; name="model"\n\n${other}\n`,
        '--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nx\r\n',
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n',
      ),
      { maxLength: 3 },
    )
    .map(
      (parts) =>
        `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${granted}\r\n${parts.join("")}--b--\r\n`,
    ),
  1,
);
const request: fc.Arbitrary<RawRequest> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ target, headers, body }) },
  {
    weight: 1,
    arbitrary: fc.record({
      target: fc.constantFrom("/openai/v1/audio/transcriptions", "/openai/v1/images/edits"),
      type: fc.constantFrom("multipart/form-data; boundary=b", 'multipart/form-data; boundary="b"'),
      headers,
      body: form,
    }),
  },
);

let connection: RawConnection | undefined;

/** Over one connection as long as it lasts. A request whose end is in doubt is the last one on its own. */
async function ask(one: RawRequest): Promise<void> {
  connection = connection === undefined || connection.ended ? await bench.open() : connection;
  connection.write(rawRequest(one));
  const isDoubtful =
    /transfer-encoding|content-length|\n/.test((one.headers ?? []).join(" ")) || /[\r\n ]/.test(one.target);
  // Behind a request whose end is not where its sender thinks, the server waits for more: a good one pushes it on.
  if (isDoubtful)
    connection.write(rawRequest({ target: "/openai/v1/models", headers: ["connection: close"] }));
  let answer = await connection.read();
  if (!isDoubtful) return;
  while (answer !== undefined) answer = await connection.read();
  await connection.close();
}

describe("whatever request is forwarded", () => {
  it("names the authorised deployment to each lenient reader, and nothing else", async () => {
    const { requests } = bench.world.azure.openAi;
    let tried = 0;
    const forwarded: { readonly id: string; readonly seen: string[]; readonly url: string }[] = [];

    await fc.assert(
      fc.asyncProperty(request, async (one) => {
        tried += 1;
        requests.clear();
        await ask(one);
        for (const { method, url, rawHeaders, header, body: bytes } of requests.all) {
          const readings = await readers.read({ method, url, rawHeaders, body: await bytes });
          const seen = Object.values(readings).flat();
          forwarded.push({ id: header("x-certgate-request-id") ?? "", seen, url });
          expect(readings).toSatisfy(() => seen.length > 0 && seen.every((name) => name === granted));
        }
      }),
      { numRuns: 2500, plugins: [fc.interruptAfterTimeLimit(15_000)] },
    );
    await connection?.close();

    const lines = await bench.world.log();
    const decided = new Map(lines.map((line) => [line["requestId"], line]));
    for (const { id, url } of forwarded)
      expect(decided.get(id)).toMatchObject({
        decision: "allowed",
        deployment: granted,
        path: url.split("?")[0],
      });
    expect(tried).toBeGreaterThan(300);
    expect(forwarded.length).toBeGreaterThan(tried * 0.1);
    expect(forwarded.length).toBeLessThan(tried * 0.95);
    expect(lines.filter((line) => line["decision"] === "denied").length).toBeGreaterThan(tried * 0.15);
  });
});
