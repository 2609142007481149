import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

/** A server that speaks the API as far as it matters here: it notes each request and answers as it is told. */
class Spoken {
  readonly requests: IncomingMessage[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = ok;
  readonly #server: Server;

  constructor(pki: TestPki) {
    this.#server = createServer(
      { cert: pki.server.chainPem, key: pki.server.keyPem },
      (request, response) => {
        this.requests.push(request);
        request.resume().on("end", () => this.answer(request, response));
      },
    );
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function ok(_request: IncomingMessage, response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end("{}");
}

const keys = {
  one: "first-key-0123456789abcdef",
  two: "second-key-0123456789abcdef",
  next: "third-key-0123456789abcdef",
};
let world: World;
let left: Spoken;
let right: Spoken;

beforeAll(async () => {
  const pki = await createTestPki();
  left = new Spoken(pki);
  right = new Spoken(pki);
  const urls = { left: await left.start(), right: await right.start() };
  world = await startWorld({
    pki,
    files: { "key-1": keys.one, "key-2": keys.two },
    configure(config) {
      config["credentials"].open = { type: "none" };
      config["credentials"].keys = {
        type: "api-key",
        primary: { file: "key-1" },
        secondary: { file: "key-2" },
      };
      const backend = (name: "left" | "right", more: object = {}) => ({
        endpoint: urls[name],
        credential: "open",
        caFile: "root.pem",
        breaker: { slowStartSeconds: 0 },
        ...more,
      });
      config["backends"] = {
        left: backend("left"),
        right: backend("right"),
        narrow: backend("left", { limits: { concurrency: 1 } }),
        keyed: backend("left", { credential: "keys" }),
      };
      const both = (deployment: string, one: object, other: object, more: object = {}) => ({
        backends: [
          { backend: "left", deployment, ...one },
          { backend: "right", deployment, ...other },
        ],
        ...more,
      });
      config["deployments"] = {
        weighted: both("weighted", { weight: 3 }, { weight: 1 }),
        least: both("least", {}, {}, { selection: "least-outstanding" }),
        limited: both("limited", {}, { priority: 2 }),
        narrow: { backends: [{ backend: "narrow" }, { backend: "right", priority: 2 }] },
        alone: { backends: [{ backend: "narrow", deployment: "alone" }] },
        keyed: { backend: "keyed" },
        open: { backend: "left" },
      };
      config["clients"]["device-1"].deployments = Object.keys(config["deployments"] as object);
    },
  });
});
afterAll(async () => {
  await world.stop();
  left.stop();
  right.stop();
});
beforeEach(() => {
  for (const server of [left, right]) {
    server.requests.length = 0;
    server.answer = ok;
  }
});

const chat = (model: string, headers: Record<string, string> = {}) => ({
  path: "/openai/v1/chat/completions",
  headers: { "content-type": "application/json", ...headers },
  body: { model, messages: [{ role: "user", content: "hi" }] },
});
const counts = () => [left.requests.length, right.requests.length] as const;

/** The next request there is answered when the test says so. */
function holding(server: Spoken) {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  server.answer = (request, response) => {
    server.answer = ok;
    arrived.resolve();
    void released.promise.then(() => ok(request, response));
  };
  return { arrived: arrived.promise, release: () => released.resolve() };
}

describe("within a group", () => {
  it("requests are divided by weight", async () => {
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 20 }, () => world.ask(chat("weighted"))));
    const [first, second] = counts();
    expect(first + second).toBe(200);
    // 150 is expected; this is five standard deviations away.
    expect(first).toBeGreaterThan(119);
    expect(first).toBeLessThan(181);
  });

  it("the one with the fewest requests under way gets the next", async () => {
    const [one, other] = [holding(left), holding(right)];
    const first = world.ask(chat("least"));
    await Promise.race([one.arrived, other.arrived]);
    const second = world.ask(chat("least"));
    await Promise.all([one.arrived, other.arrived]);
    expect(counts()).toEqual([1, 1]);
    one.release();
    other.release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });
});

describe("a backend at its limit", () => {
  it("is passed over while so many requests are under way there", async () => {
    const held = holding(left);
    const first = world.ask(chat("narrow"));
    await held.arrived;
    expect((await world.ask(chat("narrow"))).status).toBe(200);
    expect(counts()).toEqual([1, 1]);
    held.release();
    await first;
    await world.ask(chat("narrow"));
    expect(counts()).toEqual([2, 1]);
  });

  it("that is the only one has the caller come back, and shares its limit among its deployments", async () => {
    const held = holding(left);
    const first = world.ask(chat("narrow"));
    await held.arrived;
    const refused = await world.ask(chat("alone"));
    expect(refused.headers["x-certgate-answered-by"]).toBe("gateway");
    expect([refused.status, refused.json.error.code, refused.headers["retry-after"]]).toEqual([
      429,
      "backends_throttled",
      "1",
    ]);
    held.release();
    await first;
    expect((await world.ask(chat("alone"))).status).toBe(200);
  });

  it("that says of a good answer that nothing remains is left alone until it says otherwise", async () => {
    left.answer = (request, response) =>
      ok(request, response, {
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "60",
      });
    for (let time = 0; time < 3; time += 1) expect((await world.ask(chat("limited"))).status).toBe(200);
    expect(counts()).toEqual([1, 2]);
    left.answer = ok;
    await expect
      .poll(async () => (await world.ask(chat("limited")), left.requests.length), { timeout: 5000 })
      .toBe(2);
  });
});

describe("API keys", () => {
  const taking = (...good: string[]) => {
    left.answer = (request, response) =>
      good.includes(String(request.headers["api-key"]))
        ? ok(request, response)
        : void response.writeHead(401).end();
  };
  const told = async (sentence: string) =>
    (await world.log()).filter(({ msg }) => String(msg).includes(sentence)).length;

  it("are replaced without a caller noticing: a 401 turns to the secondary once, and the log says so", async () => {
    taking(keys.one);
    expect((await world.ask(chat("keyed", { "api-key": "the-client's-own" }))).status).toBe(200);
    expect(left.requests.at(-1)?.headers["api-key"]).toBe(keys.one);
    taking(keys.two);
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.ask(chat("keyed"))));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(await told("the secondary key is used from now on")).toBe(1);
    left.requests.length = 0;
    await world.ask(chat("keyed"));
    expect(left.requests.map(({ headers }) => headers["api-key"])).toEqual([keys.two]);
  });

  it("are looked at again in their sources when both are refused", async () => {
    await writeFile(join(world.directory, "key-1"), keys.next);
    taking(keys.next);
    expect((await world.ask(chat("keyed"))).status).toBe(200);
    expect(left.requests.at(-1)?.headers["api-key"]).toBe(keys.next);
  });

  it("that are refused for good leave the caller the backend's 401, without flapping", async () => {
    taking();
    const answer = await world.ask(chat("keyed"));
    expect([answer.status, answer.headers["x-certgate-answered-by"]]).toEqual([401, "backend"]);
    left.requests.length = 0;
    await world.ask(chat("keyed"));
    expect(left.requests).toHaveLength(1);
  });

  it("stand in no line of the log", async () => {
    expect(JSON.stringify(await world.log())).not.toMatch(/-key-0123456789abcdef/);
  });
});

describe("no credential", () => {
  it("sends none, and not the client's own either", async () => {
    await world.ask(chat("open", { authorization: "Bearer the-client's-own", "api-key": "own" }));
    const { headers } = left.requests[0] as IncomingMessage;
    expect([headers.authorization, headers["api-key"]]).toEqual([undefined, undefined]);
  });
});
