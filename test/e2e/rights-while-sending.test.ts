import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { RawConnection } from "../support/raw-client.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
const both = ["gpt-test", "gpt-other"];
beforeAll(async () => {
  world = await startWorld({
    configure(config) {
      config["clients"]["device-1"].deployments = both;
    },
  });
});
afterAll(() => world.stop());

const json = JSON.stringify({ model: "gpt-other", messages: [{ role: "user", content: "hello" }] });
const boundary = "certgate-boundary";
const form = [
  `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-other\r\n`,
  `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nsound\r\n`,
  `--${boundary}--\r\n`,
].join("");

/** Sends the begin of a request, and the rest of it after its client's deployments were changed. */
async function sendAcross(
  deployments: readonly string[],
  path: string,
  type: string,
  body: string,
  begin: number,
) {
  const { pki, certgate, azure } = world;
  const connection = await RawConnection.open({ port: certgate.port, ca: pki.root.pem, client: pki.client });
  onTestFinished(async () => {
    await connection.close();
    await world.reconfigure((config) => {
      config["clients"]["device-1"].deployments = both;
    });
  });
  const before = azure.openAi.requests.count;
  const lines = ["host: localhost", `content-type: ${type}`, `content-length: ${body.length}`];
  connection.write(`POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\nexpect: 100-continue\r\n\r\n`);
  // The gateway asks for the body when it has found that there may be something in it that is granted.
  const answer = connection.read();
  await expect.poll(() => connection.continued).toBe(1);
  connection.write(body.slice(0, begin));
  const outcome = await world.reconfigure((config) => {
    config["clients"]["device-1"].deployments = deployments;
  });
  expect(outcome.outcome).toBe("applied");
  connection.write(body.slice(begin));
  return { answer: await answer, arrived: azure.openAi.requests.count - before };
}

describe.each([
  ["JSON", "/openai/v1/chat/completions", "application/json", json],
  ["a form", "/openai/v1/audio/transcriptions", `multipart/form-data; boundary=${boundary}`, form],
])("a body of %s that arrives while its client's rights change", (_what, path, type, body) => {
  it.each([1, body.length - 1])("is judged by the rights at its end (byte %d)", async (begin) => {
    const { answer, arrived } = await sendAcross(["gpt-test"], path, type, body, begin);
    expect(answer?.status).toBe(403);
    expect(answer?.headers["x-certgate-reason"]).toBe("deployment_not_permitted");
    expect(arrived).toBe(0);
  });

  it("passes when they still hold it", async () => {
    const { answer, arrived } = await sendAcross(["gpt-other"], path, type, body, 1);
    expect(answer?.status).toBe(200);
    expect(arrived).toBe(1);
  });
});
