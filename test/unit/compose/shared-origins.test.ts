import { describe, expect, it } from "vitest";
import type { Origins } from "../../../src/compose/origins.ts";
import { SharedOrigins } from "../../../src/compose/shared-origins.ts";
import { workerOrigins } from "../../../src/compose/worker-origins.ts";
import type { Config } from "../../../src/config/schema.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { SharedFetches } from "../../../src/supervisor/shared-fetches.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const signal = new AbortController().signal;

/** Services that count, a supervisor's side over them, and as many workers as are asked for. */
function setUp() {
  const clock = new ManualClock();
  const asked: string[] = [];
  let crl = Uint8Array.of(1, 2, 3);
  let downloads = 0;
  const crlsAt = (kind: string) => (url: string) => ({
    name: `url ${url}`,
    async fetch() {
      asked.push(`${kind} ${url}`);
      downloads += 1;
      return [crl];
    },
  });
  const origins: Origins = {
    tokens: (credential) => ({
      async getToken(scopes, options) {
        asked.push(`token ${credential} ${String(scopes)} ${options?.renew === true}`);
        return { token: `token ${asked.length}`, expiresOnTimestamp: clock.now() + 3_600_000 };
      },
    }),
    vault: (vault) => ({
      url: `https://${vault}.example`,
      async certificate(name) {
        asked.push(`certificate ${vault} ${name}`);
        return Uint8Array.of(9);
      },
      async secret(name) {
        asked.push(`secret ${vault} ${name}`);
        if (name === "gone") throw new GatewayError("trust_unavailable", "there is no such secret");
        return { value: "PEM", contentType: undefined };
      },
    }),
    crls: crlsAt("crls"),
    distributionPoint: crlsAt("point"),
  };
  let news = 0;
  const shared = new SharedOrigins(origins, new SharedFetches({ clock, keepMs: 1000 }), () => (news += 1));
  const config = { keyVaults: { main: { url: "https://main.example" } } } as unknown as Config;
  const answers: unknown[] = [];
  const worker = () =>
    workerOrigins(config, async (question) => {
      const answer = structuredClone(await shared.answer(question));
      answers.push(answer);
      return answer;
    });
  return {
    clock,
    asked,
    answers,
    worker,
    news: () => news,
    downloads: () => downloads,
    replaceCrl: (bytes: Uint8Array<ArrayBuffer>) => (crl = bytes),
  };
}

describe("workers' origins", () => {
  it("ask for one token for all of them", async () => {
    const { worker, asked, news } = setUp();
    const tokens = await Promise.all(
      [worker(), worker(), worker(), worker()].map((origins) => origins.tokens("gateway").getToken("scope")),
    );
    expect(new Set(tokens.map((token) => token?.token))).toEqual(new Set(["token 1"]));
    expect(asked).toEqual(["token gateway scope false"]);
    // A token is each worker's own to replace when it wants to.
    expect(news()).toBe(0);
  });

  it("ask anew for a token in place of one that was refused", async () => {
    const { worker, asked } = setUp();
    const source = worker().tokens("gateway");
    await source.getToken(["scope"]);
    expect(await source.getToken(["scope"], { renew: true })).toMatchObject({ token: "token 2" });
    expect(asked).toEqual(["token gateway scope false", "token gateway scope true"]);
  });

  it("read a vault once for all, and tell all of it", async () => {
    const { worker, asked, news, clock } = setUp();
    const vaults = [worker(), worker(), worker()].map((origins) => origins.vault("main"));
    expect(vaults[0]?.url).toBe("https://main.example");
    const read = () => Promise.all(vaults.map((vault) => vault.secret("roots", signal)));
    expect(await read()).toContainEqual({ value: "PEM", contentType: undefined });
    expect([asked, news()]).toEqual([["secret main roots"], 1]);
    await clock.advance(1000);
    await read();
    expect([asked.length, news()]).toEqual([2, 2]);
    expect(await vaults[0]?.certificate("tls", signal)).toEqual(Uint8Array.of(9));
  });

  it("hear the service's own fault", async () => {
    const { worker } = setUp();
    await expect(worker().vault("main").secret("gone", signal)).rejects.toMatchObject({
      code: "trust_unavailable",
      message: "there is no such secret",
    });
  });

  it("get a CRL's bytes once, and again when they changed", async () => {
    const { worker, clock, answers, replaceCrl, downloads } = setUp();
    const source = worker().crls("http://ca.example/root.crl");
    expect(source.name).toBe("url http://ca.example/root.crl");
    const first = await source.fetch(signal);
    expect(first).toEqual([Uint8Array.of(1, 2, 3)]);
    await clock.advance(1000);
    expect(await source.fetch(signal)).toEqual(first);
    expect(downloads()).toBe(2);
    expect(answers.at(-1)).not.toHaveProperty("crls");
    replaceCrl(Uint8Array.of(4));
    await clock.advance(1000);
    expect(await source.fetch(signal)).toEqual([Uint8Array.of(4)]);
    // Another worker, that has none, gets them without a download.
    expect(await worker().crls("http://ca.example/root.crl").fetch(signal)).toEqual([Uint8Array.of(4)]);
    expect(downloads()).toBe(3);
  });

  it("follow a distribution point under the rules for those, and not for configured URLs", async () => {
    const { worker, asked } = setUp();
    const url = "http://ca.example/root.crl";
    await worker().distributionPoint(url).fetch(signal);
    await worker().crls(url).fetch(signal);
    expect(asked).toEqual([`point ${url}`, `crls ${url}`]);
  });

  it("know no vault that the configuration does not name", () => {
    expect(() => setUp().worker().vault("other")).toThrow("there is no key vault called other");
  });
});
