import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAzureCliCredential } from "../../src/credential/adapters/azure-cli.ts";
import { createTokenKeeper } from "../../src/credential/token-keeper.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { GatewayError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { type AzureCliStub, installAzureCliStub } from "../support/azure-cli-stub.ts";
import { describeTokenCredential } from "../support/token-credential-suite.ts";

const resource = "https://cognitiveservices.azure.com";
const scope = `${resource}/.default`;
const tokens = new AccessTokens(systemClock);
const pathBefore = process.env["PATH"] ?? "";
let az: AzureCliStub;

async function faultOf(promise: Promise<unknown>): Promise<GatewayError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof GatewayError) return outcome;
  throw new Error("expected a GatewayError", { cause: outcome });
}

/** As `az account get-access-token` prints it; versions before 2.54 give local time only. */
function good(lifetimeSeconds = 3600, expires: "expires_on" | "expiresOn" = "expires_on"): string {
  const { token, expiresAt } = tokens.issue(resource, lifetimeSeconds);
  return JSON.stringify({
    accessToken: token,
    ...(expires === "expires_on"
      ? { expires_on: Math.floor(expiresAt / 1000) }
      : { expiresOn: new Date(expiresAt).toISOString() }),
    subscription: "s",
    tenant: "t",
    tokenType: "Bearer",
  });
}

describe("an Azure CLI that answers", () => {
  beforeAll(async () => {
    az = await installAzureCliStub();
  });
  beforeEach(() => az.answer({ stdout: good() }));
  afterAll(() => az.remove());

  it("is asked for the resource, with tenant and subscription", async () => {
    const credential = createAzureCliCredential({ tenantId: "tenant-1", subscription: "My Sub", scope });
    const token = await credential.getToken(scope);
    expect(tokens.check(`Bearer ${token?.token}`, [resource])).toBe("good");
    expect(az.calls().at(-1)).toBe(
      `account get-access-token --output json --resource ${resource} --tenant tenant-1 --subscription My Sub`,
    );
  });

  it("of before 2.54, which gives a date", async () => {
    await az.answer({ stdout: good(3600, "expiresOn") });
    const token = await createAzureCliCredential({ scope }).getToken(scope);
    expect(token?.expiresOnTimestamp).toBeGreaterThan(Date.now() + 3_500_000);
  });
});

let lifetime = 3600;
let answering: Promise<void> = Promise.resolve();
describe("the suite of tokens", () => {
  beforeAll(async () => {
    az = await installAzureCliStub();
    await az.answer({ stdout: good() });
  });
  afterAll(() => az.remove());
  const renewAnswer = () => (answering = az.answer({ stdout: good(lifetime) }));

  describeTokenCredential({
    name: "the Azure CLI",
    make: async () => {
      await answering;
      return {
        source: {
          getToken: async (...words) => {
            const token = await createAzureCliCredential({ scope }).getToken(...words);
            // What the next call will find.
            await renewAnswer();
            return token;
          },
        },
        resource,
      };
    },
    tokens: () => tokens,
    requests: () => az.calls().length,
    setLifetime: (seconds) => {
      lifetime = seconds;
      return renewAnswer();
    },
    fail: () => az.answer({ stderr: "ERROR: Please run 'az login' to setup account.", code: 1 }),
    clear: () => renewAnswer(),
    renews: true,
    secrets: () => [],
  });
});

describe("an Azure CLI that does not give a token says what to type", () => {
  beforeAll(async () => {
    az = await installAzureCliStub();
  });
  afterAll(() => az.remove());

  it.each<[string, string, RegExp]>([
    [
      "nobody is logged in",
      "ERROR: Please run 'az login' to setup account.",
      /type: az login --tenant contoso$/,
    ],
    [
      "the login has ended",
      "ERROR: AADSTS700082: The refresh token has expired due to inactivity.\nTo re-authenticate, please run:\naz login --scope x",
      /does not count any more.*AADSTS700082.*type: az login --tenant contoso --scope https:\/\/cognitive/,
    ],
    [
      "more proof is wanted",
      "ERROR: AADSTS50076: you must use multi-factor authentication. Interactive authentication is needed. Please run:\naz login --scope y",
      /AADSTS50076.*type: az login --tenant contoso --scope/,
    ],
    [
      "the account may not",
      "ERROR: AADSTS65001: The user or administrator has not consented to use the application.\naz login --scope z",
      /may not get tokens.*AADSTS65001.*administrator/,
    ],
    [
      "the subscription is another's",
      "ERROR: Subscription 'prod' not found. Check the spelling and casing and try again.",
      /no subscription "prod".*az account list/,
    ],
    ["az fails otherwise", "Traceback (most recent call last): ...", /az gave no usable answer; see what/],
  ])("%s", async (_, stderr, sentence) => {
    await az.answer({ stderr, code: 1 });
    const credential = createAzureCliCredential({ tenantId: "contoso", subscription: "prod", scope });
    expect((await faultOf(credential.getToken(scope))).message).toMatch(sentence);
  });

  it.each([
    ["no JSON", "<html>secret-token-value</html>"],
    ["half an answer", good().slice(0, -30)],
    ["no token", "{}"],
    ["a token without its end", `{"accessToken":"secret-token-value"}`],
  ])("%s: no token, and nothing of it is told", async (_, stdout) => {
    await az.answer({ stdout });
    const source = createAzureCliCredential({ scope });
    const keeper = createTokenKeeper({
      name: "main",
      clock: systemClock,
      logger: silentLogger,
      fetchToken: (abortSignal) => source.getToken(scope, { abortSignal }),
    });
    const error = await faultOf(keeper.headers());
    expect(error.code).toBe("credential_unavailable");
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(
      /secret-token-value|local\.[\w-]{20}/,
    );
    keeper.stop();
  });
});

describe("an Azure CLI that is not there", () => {
  let empty: string;
  beforeAll(async () => {
    empty = await mkdtemp(join(tmpdir(), "certgate-no-az-"));
    process.env["PATH"] = empty;
  });
  afterAll(async () => {
    process.env["PATH"] = pathBefore;
    await rm(empty, { recursive: true, force: true });
  });

  it("is to be installed", async () => {
    const error = await faultOf(createAzureCliCredential({ scope }).getToken(scope));
    expect(error.message).toMatch(/az is not installed, or not on the PATH.*then type: az login$/);
  });
});

const realAz = pathBefore.split(delimiter).find((folder) => existsSync(join(folder, "az")));

describe("the real Azure CLI", () => {
  let config: string;
  const configBefore = process.env["AZURE_CONFIG_DIR"];
  beforeAll(async () => {
    config = await mkdtemp(join(tmpdir(), "certgate-az-config-"));
    process.env["AZURE_CONFIG_DIR"] = config;
  });
  afterEach(() => {
    if (configBefore === undefined) delete process.env["AZURE_CONFIG_DIR"];
    else process.env["AZURE_CONFIG_DIR"] = configBefore;
  });
  afterAll(() => rm(config, { recursive: true, force: true }));

  it.skipIf(realAz === undefined)(
    "where nobody is logged in (skipped where az is not installed)",
    async () => {
      expect(execFileSync("az", ["version", "--output", "json"], { encoding: "utf8" })).toMatch(/azure-cli/);
      const error = await faultOf(createAzureCliCredential({ tenantId: "contoso", scope }).getToken(scope));
      expect(error.message).toBe(
        "Azure CLI: nobody is logged in as this process's user; type: az login --tenant contoso",
      );
    },
    60_000,
  );
});
