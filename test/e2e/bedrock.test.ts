import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent as HttpsAgent } from "node:https";
import { OpenAI } from "openai";
import { Agent } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KnownKey } from "../../src/dev/aws/keyring.ts";
import { type LocalAws, startLocalAws } from "../../src/dev/aws/local-aws.ts";
import { readBedrockEventStream } from "../../src/usage/event-stream.ts";
import { begin } from "../support/ask.ts";
import { guardedRole, modelArn, modelWithColon } from "../support/local-aws.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let aws: LocalAws;
let user: KnownKey;
let client: BedrockRuntimeClient;

beforeAll(async () => {
  const pki = await createTestPki();
  aws = await startLocalAws({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    models: [modelWithColon, modelArn],
    roles: [{ arn: guardedRole, externalId: "contoso-7" }],
  });
  user = aws.keyring.addUser("gateway");
  aws.bedrock.bearerKeys.add("bedrock-api-key-1");
  process.env["AWS_ENDPOINT_URL_STS"] = aws.sts.url;
  process.env["GATEWAY_BEDROCK_KEY"] = "bedrock-api-key-1";
  const bedrock = {
    kind: "bedrock",
    endpoint: aws.bedrock.url,
    caFile: "root.pem",
    region: aws.bedrock.region,
  };
  world = await startWorld({
    pki,
    files: { "key-id": user.accessKeyId, "key-secret": user.secretAccessKey },
    configure(config) {
      Object.assign(config["credentials"], {
        role: {
          type: "aws",
          keys: { accessKeyId: { file: "key-id" }, secretAccessKey: { file: "key-secret" } },
          assumeRole: { roleArn: guardedRole, externalId: "contoso-7", sessionName: "plant-7" },
          stsRegion: "eu-central-1",
        },
        bearer: { type: "aws-bearer", key: { env: "GATEWAY_BEDROCK_KEY" } },
      });
      Object.assign(config["backends"], {
        signed: { ...bedrock, credential: "role" },
        borne: { ...bedrock, credential: "bearer" },
      });
      const on = (backend: string, deployment: string) => ({ backends: [{ backend, deployment }] });
      Object.assign(config["deployments"], {
        haiku: on("signed", modelWithColon),
        sonnet: on("signed", modelArn),
        "sonnet-by-key": on("borne", modelArn),
        ungranted: on("signed", modelArn),
      });
      config["clients"]["device-1"].deployments = ["gpt-test", "haiku", "sonnet", "sonnet-by-key"];
    },
  });
  const { chainPem: cert, keyPem: key } = pki.client;
  client = new BedrockRuntimeClient({
    region: "eu-central-1",
    endpoint: world.url,
    credentials: { accessKeyId: "none-is-needed", secretAccessKey: "none-is-needed" },
    maxAttempts: 1,
    // Without it this client speaks HTTP/2 and nothing else.
    requestHandler: new NodeHttpHandler({ httpsAgent: new HttpsAgent({ ca: pki.root.pem, cert, key }) }),
  });
});
afterAll(async () => {
  client.destroy();
  await world.stop();
  await aws.stop();
});
beforeEach(() => {
  aws.bedrock.requests.clear();
  aws.bedrock.refusals.clear();
});

const messages = [{ role: "user" as const, content: [{ text: "say hello" }] }];
const json = "application/json";
const anthropic = JSON.stringify({
  anthropic_version: "bedrock-2023-05-31",
  max_tokens: 10,
  messages: [{ role: "user", content: "say hello" }],
});

describe("the official AWS client through the gateway", () => {
  it.each([
    ["haiku", modelWithColon],
    ["sonnet", modelArn],
  ])("converses with %s, which Bedrock calls %s", async (modelId, name) => {
    const answer = await client.send(new ConverseCommand({ modelId, messages }));
    expect(answer.output?.message?.content?.[0]?.text).toBe("You said: say hello");
    expect(answer.usage).toMatchObject({ inputTokens: 2, outputTokens: 4 });
    expect(aws.bedrock.requests.last).toMatchObject({
      model: name,
      caller: "arn:aws:sts::123456789012:assumed-role/guarded/plant-7",
    });
  });

  it("gets a stream of a conversation", async () => {
    const answer = await client.send(new ConverseStreamCommand({ modelId: "sonnet", messages }));
    let text = "";
    let usage;
    for await (const event of answer.stream ?? []) {
      text += event.contentBlockDelta?.delta?.text ?? "";
      usage ??= event.metadata?.usage;
    }
    expect(text).toBe("You said: say hello");
    expect(usage).toMatchObject({ inputTokens: 2, outputTokens: 4 });
  });

  it("invokes a model", async () => {
    const command = new InvokeModelCommand({
      modelId: "haiku",
      contentType: json,
      accept: json,
      body: anthropic,
    });
    const answer = await client.send(command);
    expect(JSON.parse(answer.body.transformToString())).toMatchObject({
      content: [{ text: "You said: say hello" }],
    });
  });

  it("gets a stream of an invocation", async () => {
    const command = new InvokeModelWithResponseStreamCommand({
      modelId: "haiku",
      contentType: json,
      body: anthropic,
    });
    const pieces: string[] = [];
    for await (const { chunk } of (await client.send(command)).body ?? [])
      pieces.push(Buffer.from(chunk?.bytes ?? []).toString());
    expect(pieces.join("")).toContain('"text":"hello"');
    expect(pieces.at(-1)).toContain("amazon-bedrock-invocationMetrics");
  });

  it("counts tokens", async () => {
    const command = new CountTokensCommand({ modelId: "haiku", input: { converse: { messages } } });
    expect((await client.send(command)).inputTokens).toBe(2);
  });

  it("reaches a backend that takes a Bedrock API key", async () => {
    await client.send(new ConverseCommand({ modelId: "sonnet-by-key", messages }));
    expect(aws.bedrock.requests.last).toMatchObject({ caller: "bearer", model: modelArn });
  });

  it("gets Bedrock's own errors, and the gateway's with their reason", async () => {
    aws.bedrock.faults.next({
      kind: "answer",
      status: 400,
      headers: { "x-amzn-errortype": "ValidationException" },
      body: { message: "too long" },
    });
    await expect(client.send(new ConverseCommand({ modelId: "haiku", messages }))).rejects.toMatchObject({
      name: "ValidationException",
      message: "too long",
    });
    await expect(client.send(new ConverseCommand({ modelId: "ungranted", messages }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    await expect(
      client.send(new ConverseCommand({ modelId: modelWithColon, messages })),
    ).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
    });
    expect(aws.bedrock.requests.count).toBe(0);
  });
});

describe("what an answer cost", () => {
  const tokens = async (direction: string): Promise<number> => {
    const page = await (await world.admin("/metrics")).text();
    const line = `certgate_tokens_total{deployment="sonnet",direction="${direction}"} `;
    return Number(
      page
        .split("\n")
        .find((each) => each.startsWith(line))
        ?.slice(line.length) ?? 0,
    );
  };
  const unknown = async (): Promise<number> => {
    const page = await (await world.admin("/metrics")).text();
    return Number(/certgate_usage_unknown_total\{deployment="sonnet"\} (\d+)/.exec(page)?.[1] ?? 0);
  };
  const lastLine = async () => (await world.log()).findLast(({ msg }) => msg === "request");

  it.each<[string, object]>([
    ["converse", { messages }],
    ["converse-stream", { messages }],
    ["invoke", JSON.parse(anthropic) as object],
    ["invoke-with-response-stream", JSON.parse(anthropic) as object],
  ])("stands in the log and in a metric for %s", async (operation, body) => {
    const before = [await tokens("input"), await tokens("output"), await unknown()];
    const answer = await world.ask({ path: `/model/sonnet/${operation}`, body });
    expect(answer.status).toBe(200);
    await expect.poll(lastLine).toMatchObject({
      requestId: answer.headers["x-certgate-request-id"],
      deployment: "sonnet",
      inputTokens: 2,
      outputTokens: 4,
    });
    expect([await tokens("input"), await tokens("output"), await unknown()]).toEqual(
      before.map((count, at) => count + ([2, 4, 0][at] ?? 0)),
    );
  });

  it("is unknown, and counted so, when the answer breaks off or is no stream at all", async () => {
    const before = await unknown();
    aws.bedrock.faults.next({ kind: "reset-midway" });
    await expect(world.ask({ path: "/model/sonnet/converse-stream", body: { messages } })).rejects.toThrow(
      /aborted|hang up|reset/i,
    );
    await expect.poll(unknown).toBe(before + 1);
    expect(await lastLine()).not.toHaveProperty("inputTokens");
    aws.bedrock.faults.next({ kind: "answer", status: 200, body: {} });
    const garbage = await world.ask({ path: "/model/sonnet/converse", body: { messages } });
    expect(garbage.status).toBe(200);
    await expect.poll(unknown).toBe(before + 2);
  });

  it("is not asked of an error", async () => {
    const before = await unknown();
    aws.bedrock.faults.next({ kind: "answer", status: 400, body: { message: "too long" } });
    expect((await world.ask({ path: "/model/sonnet/converse", body: { messages } })).status).toBe(400);
    expect(await unknown()).toBe(before);
  });
});

describe("the gateway before Bedrock", () => {
  it("sends nothing of the client's own signature and telemetry, and one of its own", async () => {
    await client.send(new ConverseCommand({ modelId: "haiku", messages }));
    const headers = aws.bedrock.requests.last?.rawHeaders ?? [];
    const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    expect(names.filter((name) => name.startsWith("amz-") || name === "x-amz-user-agent")).toEqual([]);
    expect(names.filter((name) => name === "authorization" || name === "x-amz-date")).toHaveLength(2);
    expect(headers.join(" ")).not.toContain("none-is-needed");
  });

  it("passes the bytes of an event stream as they are, and they tell their usage", async () => {
    const answer = await begin(
      { port: world.certgate.port, ca: world.pki.root.pem, client: world.pki.client },
      { path: "/model/haiku/converse-stream", body: { messages } },
    );
    expect(answer.headers["content-type"]).toBe("application/vnd.amazon.eventstream");
    const reader = readBedrockEventStream();
    for await (const chunk of answer) reader.push(chunk as Buffer);
    expect(reader.end()).toEqual({ inputTokens: 2, outputTokens: 4 });
  });

  it("cuts a stream that Bedrock breaks off", async () => {
    aws.bedrock.faults.next({ kind: "reset-midway" });
    const answer = await client.send(new ConverseStreamCommand({ modelId: "haiku", messages }));
    const reading = (async () => {
      for await (const event of answer.stream ?? []) expect(event).toBeDefined();
    })();
    await expect(reading).rejects.toThrow(/aborted|terminated|hang up|truncated|reset/i);
  });

  it("answers the OpenAI client from Bedrock's OpenAI-compatible endpoint", async () => {
    const { root, client: own } = world.pki;
    const dispatcher = new Agent({ connect: { ca: root.pem, cert: own.chainPem, key: own.keyPem } });
    const openai = new OpenAI({
      baseURL: `${world.url}/openai/v1/`,
      apiKey: "none-is-needed",
      fetchOptions: { dispatcher },
      maxRetries: 0,
    });
    const answer = await openai.chat.completions.create({
      model: "sonnet",
      messages: [{ role: "user", content: "say hello" }],
    });
    await dispatcher.close();
    expect(answer.choices[0]?.message.content).toBe("You said: say hello");
    expect(aws.bedrock.requests.last).toMatchObject({ model: modelArn, url: "/openai/v1/chat/completions" });
  });

  it.each([
    ["/model/gpt-test/converse", { messages }],
    ["/openai/deployments/haiku/chat/completions?api-version=2024-10-21", { messages: [] }],
    ["/openai/v1/responses", { model: "haiku", input: "x" }],
  ])("does not send %s to a backend of another kind", async (path, body) => {
    const before = world.azure.openAi.requests.count;
    const answer = await world.ask({ path, body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers["x-certgate-answered-by"]).toBe("gateway");
    expect([aws.bedrock.requests.count, world.azure.openAi.requests.count]).toEqual([0, before]);
  });

  it("asked STS once for all of this", () => {
    expect(aws.sts.requests.all.map((asked) => asked["Action"])).toEqual(["AssumeRole"]);
  });

  it("takes new keys when Bedrock says that the old ones have expired", async () => {
    const [, keyId = ""] = /Credential=(\w+)/.exec(await signatureOf()) ?? [];
    aws.keyring.expire(keyId);
    const answer = await client.send(new ConverseCommand({ modelId: "haiku", messages }));
    expect(answer.$metadata.httpStatusCode).toBe(200);
    expect(aws.sts.requests.all).toHaveLength(2);
  });
});

async function signatureOf(): Promise<string> {
  await client.send(new ConverseCommand({ modelId: "haiku", messages }));
  return aws.bedrock.requests.last?.header("authorization") ?? "";
}
