import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createManagedIdentityCredential } from "../../src/credential/adapters/managed-identity.ts";
import { createTokenKeeper, type TokenKeeper } from "../../src/credential/token-keeper.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import { faults } from "../../src/dev/azure/faults.ts";
import { type LocalManagedIdentity, startManagedIdentity } from "../../src/dev/azure/managed-identity.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { ManualClock } from "../support/manual-clock.ts";

const userAssigned = {
  clientId: "11111111-1111-4111-8111-111111111111",
  objectId: "22222222-2222-4222-8222-222222222222",
  resourceId:
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gw",
};

let tokens: AccessTokens;
let endpoint: LocalManagedIdentity;
let resources = 0;

/** The SDK's token cache is one for the process: each test asks for another resource. */
const freshResource = () => `https://resource-${(resources += 1)}.example`;

beforeAll(async () => {
  tokens = new AccessTokens(systemClock);
  endpoint = await startManagedIdentity({ tokens, userAssigned: [userAssigned] });
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = endpoint.url;
});
afterEach(() => {
  endpoint.faults.clear();
  endpoint.requests.clear();
  endpoint.setTokenLifetime(86_400);
});
afterAll(() => endpoint.stop());

function keeperFor(
  resource: string,
  identity = createManagedIdentityCredential(),
  clock: Clock = systemClock,
) {
  return createTokenKeeper({
    name: "main",
    clock,
    logger: silentLogger,
    timeoutMs: 2000,
    fetchToken: (abortSignal) => identity.getToken(`${resource}/.default`, { abortSignal }),
  });
}

const nextTryIn = (keeper: TokenKeeper, clock: Clock) => (keeper.state().nextFetchAt ?? 0) - clock.now();

async function faultOf(promise: Promise<unknown>): Promise<GatewayError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof GatewayError) return outcome;
  throw new Error("expected a GatewayError", { cause: outcome });
}

describe("a managed identity behind the token keeper", () => {
  it("gives a header that the service accepts", async () => {
    const resource = freshResource();
    const [name, value] = await keeperFor(resource).headers();
    expect(name).toBe("authorization");
    expect(tokens.check(value, [resource])).toBe("good");
  });

  it("asks the endpoint once for a hundred concurrent callers", async () => {
    const keeper = keeperFor(freshResource());
    const all = await Promise.all(Array.from({ length: 100 }, () => keeper.headers()));
    expect(new Set(all.map((pair) => pair[1])).size).toBe(1);
    expect(endpoint.requests.all).toHaveLength(1);
  });

  it.each([
    ["clientId", userAssigned.clientId],
    ["objectId", userAssigned.objectId],
    ["resourceId", userAssigned.resourceId],
  ])("names a user-assigned identity by its %s", async (key, id) => {
    await keeperFor(freshResource(), createManagedIdentityCredential({ [key]: id })).headers();
    expect(endpoint.requests.all.map(({ identity }) => identity)).toEqual([id]);
  });

  it("serves the token at hand while refreshes meet a dead endpoint, and recovers", async () => {
    // The SDK keeps no token that ends within five minutes, so each refresh really asks.
    endpoint.setTokenLifetime(200);
    const clock = new ManualClock(Date.now());
    const keeper = keeperFor(freshResource(), createManagedIdentityCredential(), clock);
    // Small steps: the fetch's time limit runs on this clock, its network on the real one.
    const freshness = async () => {
      await clock.advance(500);
      return keeper.state().freshness;
    };
    const before = await keeper.headers();
    endpoint.faults.always({ kind: "reset" });
    await clock.advance(85_000);
    await expect.poll(freshness, { interval: 20, timeout: 5000 }).toBe("stale");
    expect(endpoint.requests.all.length).toBeGreaterThan(1);
    expect(await keeper.headers()).toBe(before);
    endpoint.faults.clear();
    await expect.poll(freshness, { interval: 20, timeout: 5000 }).toBe("fresh");
    expect(await keeper.headers()).not.toBe(before);
  });

  it("lets one waiter leave; the others get the token of the same request", async () => {
    const keeper = keeperFor(freshResource());
    endpoint.faults.next({ kind: "delay", ms: 100 });
    const leaving = new AbortController();
    const gone = keeper.headers(undefined, leaving.signal);
    const staying = keeper.headers();
    leaving.abort(new Error("the client left"));
    await expect(gone).rejects.toThrow("the client left");
    expect(await staying).toHaveLength(2);
    expect(endpoint.requests.all).toHaveLength(1);
  });

  // The SDK tells no `Retry-After` of this endpoint's: the backoff counts alone.
  it.each([
    ["with Retry-After", faults.throttled(2)],
    ["without", { kind: "answer", status: 429, body: "" } as const],
  ])("asks an endpoint that throttles %s again after 1, 2, 4 seconds", async (_, fault) => {
    const clock = new ManualClock(Date.now());
    const keeper = keeperFor(freshResource(), createManagedIdentityCredential(), clock);
    endpoint.faults.always(fault);
    await faultOf(keeper.headers());
    for (const seconds of [1, 2, 4]) {
      const asked = endpoint.requests.count;
      const error = await faultOf(keeper.headers());
      expect(error.retryAfterSeconds).toBe(seconds);
      expect(endpoint.requests.count).toBe(asked);
      if (seconds === 4) endpoint.faults.clear();
      await clock.advance(seconds * 1000);
      await expect.poll(() => endpoint.requests.count).toBe(asked + 1);
      await expect.poll(() => nextTryIn(keeper, clock)).toBeGreaterThan(0);
    }
    expect(await keeper.headers()).toHaveLength(2);
    keeper.stop();
  });

  it("waits for an endpoint that is slow, once for all", async () => {
    endpoint.faults.next({ kind: "delay", ms: 800 });
    const keeper = keeperFor(freshResource());
    const all = await Promise.all([keeper.headers(), keeper.headers()]);
    expect(new Set(all).size).toBe(1);
    expect(endpoint.requests.all).toHaveLength(1);
  });

  it("refuses a token that ends before it came: one of the two clocks is wrong", async () => {
    const ahead: Clock = {
      ...systemClock,
      now: () => Date.now() + 48 * 3_600_000,
    };
    const error = await faultOf(keeperFor(freshResource(), undefined, ahead).headers());
    expect(describeFault(error)).toContain("is this machine's clock right?");
  });

  it("ends its wait for an endpoint that hangs", async () => {
    endpoint.faults.always({ kind: "hang" });
    const error = await faultOf(keeperFor(freshResource()).headers());
    expect(describeFault(error)).toContain("no answer within 2000 ms");
  });
});

describe("a managed identity's faults say what to do", () => {
  it.each<[string, Parameters<LocalManagedIdentity["faults"]["always"]>[0], RegExp]>([
    ["a reset", { kind: "reset" }, /cannot be reached/],
    ["404", { kind: "answer", status: 404, body: { error: "not_found" } }, /no such identity/],
    ["410", { kind: "answer", status: 410, body: { error: "gone" } }, /being updated/],
    ["429 with Retry-After", faults.throttled(60), /throttles/],
    ["429 without", { kind: "answer", status: 429, body: "" }, /throttles/],
    ["500", faults.serverError(), /status 500/],
    [
      "503 that is no JSON",
      { kind: "answer", status: 503, body: "<html>busy</html>" },
      /something else answers/,
    ],
    ["403", { kind: "answer", status: 403, body: { error: "forbidden" } }, /forbids/],
    ["garbage", { kind: "answer", status: 200, body: "<html>" }, /something else answers/],
    ["an answer without a token", { kind: "answer", status: 200, body: {} }, /no token could be obtained/],
  ])("%s, at once", async (_, fault, sentence) => {
    endpoint.faults.always(fault);
    const started = Date.now();
    const error = await faultOf(createManagedIdentityCredential().getToken(`${freshResource()}/.default`));
    expect(error.code).toBe("credential_unavailable");
    expect(error.message).toMatch(sentence);
    expect(error.message).toMatch(/^system-assigned managed identity: /);
    // The SDK's own retries would take 5 to 72 seconds.
    expect(Date.now() - started).toBeLessThan(1500);
    expect(endpoint.requests.all.length).toBe(1);
  });

  it("an identity that the host does not have", async () => {
    const identity = createManagedIdentityCredential({ clientId: "33333333-3333-4333-8333-333333333333" });
    const error = await faultOf(identity.getToken(`${freshResource()}/.default`));
    expect(error.message).toMatch(/client id 33333333.*no such identity; assign it/);
  });

  it.each([
    ["as JSON", 200, "application/json"],
    ["as text", 200, "text/plain"],
    ["with an error's status", 500, "text/plain"],
  ])("and never show a token that came in a broken answer %s", async (_, status, type) => {
    const leaked = ["opaque-token", `eyJhbGciOiJSUzI1NiJ9.${"a".repeat(100)}.sig`];
    const body = `{"access_token":"${leaked.join('","again":"')}`;
    endpoint.faults.always({ kind: "answer", status, headers: { "content-type": type }, body });
    const error = await faultOf(createManagedIdentityCredential().getToken(`${freshResource()}/.default`));
    const everything = inspect(error, { depth: 10, showHidden: true });
    expect(everything).not.toMatch(/opaque-token|eyJ|aaaa/);
  });
});
