import { expect } from "vitest";
import { operationGroups } from "../../src/model/operation-group.ts";
import { RawConnection, type RawAnswer, rawRequest, type RawRequest } from "./raw-client.ts";
import type { Arrived } from "./lenient-readers.ts";
import { startWorld, type World, type WorldOptions } from "./world.ts";

/** What one request led to: the answer, what the local Azure got of it, and what the gateway says that it decided. */
export interface Passage {
  readonly answer: RawAnswer | undefined;
  readonly arrived: readonly Arrived[];
  /** The exchange's line in the log; undefined for what did not parse as HTTP. */
  readonly record: Readonly<Record<string, unknown>> | undefined;
}

/** How a request that passes arrives. */
export interface Forwarded {
  readonly operation: string;
  /** Default: the request's own. */
  readonly target?: string;
  /** Default: the request's own. */
  readonly body?: string | Uint8Array;
  /** Header lines of the client that arrive too, beside `content-type`; lower-case name to value. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: `gpt-test`. `undefined`: the request names none. */
  readonly deployment?: string | undefined;
  /** Default 200. 404: the local Azure need not have this operation; its own answer says that the request arrived. */
  readonly status?: number;
}

const statusOf = {
  request_malformed: 400,
  deployment_not_permitted: 403,
  operation_not_permitted: 403,
  operation_unknown: 404,
  object_not_found: 404,
  body_too_large: 413,
} as const;
export type Reason = keyof typeof statusOf;

/** One trick: the request in its good spelling, which passes, and the same request with the trick, which does not. */
export interface Trick {
  readonly good: RawRequest;
  readonly arrives: Forwarded;
  readonly bad: RawRequest;
  readonly reason: Reason;
  /** Node's own parser refuses it, before there is an exchange. */
  readonly unparsed?: true;
}

export interface BypassBench {
  readonly world: World;
  open(): Promise<RawConnection>;
  /** Sends over a connection of its own, and waits until both ends are done with it. */
  send(bytes: Uint8Array): Promise<Passage>;
  expectPasses(request: RawRequest, arrives: Forwarded): Promise<void>;
  expectRefused(request: RawRequest, reason: Reason, unparsed?: boolean): Promise<void>;
  /** The good spelling passes, byte for byte; the trick reaches nobody. */
  prove(trick: Trick): Promise<void>;
}

/** A gateway whose client may do everything, on `gpt-test` only; `gpt-other` lies at the same backend. */
export async function startBypassBench(configure?: WorldOptions["configure"]): Promise<BypassBench> {
  const world = await startWorld({
    configure(config, azure) {
      config["clients"]["device-1"].operations = [...operationGroups];
      configure?.(config, azure);
    },
  });
  const { requests } = world.azure.openAi;
  const asker = { port: world.certgate.port, ca: world.pki.root.pem, client: world.pki.client };

  async function recordOf({ headers, body }: RawAnswer): Promise<Passage["record"]> {
    if (body.includes("does not parse as HTTP")) return undefined;
    const id = headers["x-certgate-request-id"];
    const find = async () =>
      (await world.log()).find((line) => line["requestId"] === id && "decision" in line);
    await expect.poll(find).toBeDefined();
    return find();
  }

  const bench: BypassBench = {
    world,
    open: () => RawConnection.open(asker),
    async send(bytes) {
      requests.clear();
      const connection = await bench.open();
      connection.write(bytes);
      const answer = await connection.read();
      await connection.close();
      const record = answer === undefined ? undefined : await recordOf(answer);
      const arrived = await Promise.all(
        requests.all.map(async ({ method, url, rawHeaders, body }) => ({
          method,
          url,
          rawHeaders,
          body: await body,
        })),
      );
      return { answer, arrived, record };
    },
    async expectPasses(request, arrives) {
      expectForwarded(await bench.send(rawRequest(request)), request, arrives);
    },
    async expectRefused(request, reason, unparsed = false) {
      const { answer, arrived, record } = await bench.send(rawRequest(request));
      expect(arrived).toEqual([]);
      expect([answer?.status, answer?.headers["x-certgate-reason"]]).toEqual([statusOf[reason], reason]);
      expect(answer?.headers["x-certgate-answered-by"]).toBe("gateway");
      if (unparsed) expect(record).toBeUndefined();
      else expect(record).toMatchObject({ decision: "denied", reason, client: "device-1" });
    },
    async prove({ good, arrives, bad, reason, unparsed }) {
      await bench.expectPasses(good, arrives);
      await bench.expectRefused(bad, reason, unparsed);
    },
  };
  return bench;
}

/** What arrived is what was authorised, and not a byte else. */
export function expectForwarded({ answer, arrived, record }: Passage, sent: RawRequest, arrives: Forwarded) {
  const { operation, status = 200 } = arrives;
  const deployment = "deployment" in arrives ? arrives.deployment : "gpt-test";
  expect(status === 404 ? [200, 404] : [status]).toContain(answer?.status);
  expect(answer?.headers["x-certgate-answered-by"]).toBe("backend");
  const target = arrives.target ?? sent.target;
  expect(record).toMatchObject({
    decision: "allowed",
    operation,
    status: answer?.status,
    path: target.split("?")[0],
  });
  expect(record?.["deployment"]).toBe(deployment);
  expect(arrived).toHaveLength(1);
  const [one] = arrived as [Arrived];
  const body = Buffer.from(arrives.body ?? sent.body ?? "");
  expect([one.method, one.url]).toEqual([record?.["method"], target]);
  expect(one.body.toString("latin1")).toBe(body.toString("latin1"));
  const pairs = one.rawHeaders
    .map((name, at, all) => [name.toLowerCase(), all[at + 1] ?? ""] as const)
    .filter((_, at) => at % 2 === 0);
  // Each once: the object would hide a second.
  expect(new Set(pairs.map(([name]) => name)).size).toBe(pairs.length);
  const type = "type" in sent ? sent.type : sent.body === undefined ? undefined : "application/json";
  expect(Object.fromEntries(pairs)).toEqual({
    host: expect.stringMatching(/^localhost:[0-9]+$/),
    connection: "keep-alive",
    ...(body.length > 0 || one.method === "POST" ? { "content-length": String(body.length) } : {}),
    ...(type === undefined ? {} : { "content-type": type }),
    ...arrives.headers,
    "x-certgate-request-id": record?.["requestId"],
    authorization: expect.stringMatching(/^Bearer local\.[\w-]+$/),
  });
  expect(whateverItSays(one)).not.toMatch(/gpt[-_]?other/i);
}

/** All of a request in the readings that a lax receiver could have. */
function whateverItSays({ url, rawHeaders, body }: Arrived): string {
  const text = `${url}\n${rawHeaders.join("\n")}\n${body.toString("latin1")}\n${body.toString("utf16le")}`;
  const unescaped = text
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll("\\", "");
  const unquoted = unescaped.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return `${text}\n${unescaped}\n${unquoted}`;
}
