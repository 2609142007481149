import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { environmentSecret } from "../../src/credential/adapters/environment-secret.ts";
import { fileSecret } from "../../src/credential/adapters/file-secret.ts";
import { createAwsBearer } from "../../src/credential/aws-bearer.ts";
import type { SecretSource } from "../../src/credential/secret-source.ts";
import { GatewayError } from "../../src/kernel/errors.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { tempDir } from "../support/temp-dir.ts";

const request = { origin: "https://b", method: "POST", path: "/", headers: [], body: "unseen" as const };

function bearerOf(key: SecretSource) {
  const clock = new ManualClock(Date.now());
  const logger = createRecordingLogger();
  const credential = createAwsBearer({ name: "bedrock", clock, logger, key, random: () => 0 });
  onTestFinished(() => credential.stop());
  return { clock, logger, credential };
}

describe("a Bedrock API key", () => {
  it("comes from the environment, for any request", async () => {
    process.env["AWS_BEARER_TOKEN_BEDROCK"] = "bedrock-api-key-abc=";
    const { credential } = bearerOf(environmentSecret("AWS_BEARER_TOKEN_BEDROCK"));
    expect(await credential.headers(request)).toEqual(["authorization", "Bearer bedrock-api-key-abc="]);
  });

  it("is read again from its file every minute", async () => {
    const file = join(await tempDir(), "key");
    await writeFile(file, "one\n");
    const { clock, credential } = bearerOf(fileSecret(file));
    await credential.headers(request);
    await writeFile(file, "two\n");
    const key = async () => {
      await clock.advance(10_000);
      return (await credential.headers(request))[1];
    };
    await expect.poll(key, { interval: 10 }).toBe("Bearer two");
  });

  it("that was refused is read again at once", async () => {
    const file = join(await tempDir(), "key");
    await writeFile(file, "one");
    const { clock, credential } = bearerOf(fileSecret(file));
    const refused = await credential.headers(request);
    await writeFile(file, "two");
    expect(credential.refused(refused)).toBe(true);
    const next = await credential.headers(request);
    expect(next[1]).toBe("Bearer two");
    // Asking for each refused request anew would help nobody.
    expect(credential.refused(next)).toBe(false);
    await clock.advance(30_000);
    expect(credential.refused(next)).toBe(true);
    expect(await credential.headers(request)).toEqual(next);
  });

  it("is kept while its file is away", async () => {
    const file = join(await tempDir(), "key");
    await writeFile(file, "one");
    const { clock, credential, logger } = bearerOf(fileSecret(file));
    await credential.headers(request);
    await writeFile(file, "");
    await clock.advance(60_000);
    await expect.poll(() => logger.lines.length, { interval: 10 }).toBeGreaterThan(0);
    expect(await credential.headers(request)).toEqual(["authorization", "Bearer one"]);
    expect(JSON.stringify(logger.lines)).not.toContain('one"');
  });

  it.each([
    [
      "is not there",
      { name: "x", read: () => Promise.reject(new GatewayError("credential_unavailable", "x is not set")) },
    ],
    ["would split the header", { name: "x", read: () => Promise.resolve("a\r\nx: y") }],
  ])("that %s makes no request", async (_, source) => {
    await expect(bearerOf(source).credential.headers(request)).rejects.toMatchObject({
      code: "credential_unavailable",
    });
  });
});
