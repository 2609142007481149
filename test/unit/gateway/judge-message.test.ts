import { describe, expect, it } from "vitest";
import type { ConnectionCaller } from "../../../src/gateway/caller.ts";
import type { Gateway, ReadyBackend } from "../../../src/gateway/gateway.ts";
import { judgeMessage } from "../../../src/gateway/judge-message.ts";
import type { Ownership } from "../../../src/gateway/ownership.ts";
import { SocketIds } from "../../../src/gateway/socket-ids.ts";
import { allow, deny } from "../../../src/model/verdict.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import { createRightsCompiler } from "../../../src/policy/client-entry.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const main = { name: "main" } as ReadyBackend;
const far = { name: "far" } as ReadyBackend;

/** A WebSocket of `robot`, which may use two deployments on two backends, in the morning (UTC) only. */
function opened(url = "/openai/v1/responses") {
  const clock = new ManualClock(Date.UTC(2026, 5, 1, 9));
  const ownership: Ownership = {
    store: createSqliteOwnership({ file: ":memory:", clock }),
    daysKept: {},
    clock,
    logger: createRecordingLogger(),
  };
  const backends: Record<string, ReadyBackend> = { near: main, also: main, away: far };
  const poolOf = (name: string) => ({
    places: [{ backend: backends[name], member: { upstream: { deployment: name } } }],
  });
  const gateway = { clock, ownership, poolOf } as unknown as Gateway;
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
  const compiler = createRightsCompiler({ deployments: Object.keys(backends), roles: {} });
  const rights = compiler.compile({
    deployments: ["near", "away"],
    operations: ["inference", "realtime"],
    hours: [{ days: [...days], from: "08:00", to: "12:00", timeZone: "UTC" }],
  });
  let verdict: unknown = allow({ entry: { name: "robot", rights } });
  const connection = { identify: () => verdict } as unknown as ConnectionCaller;
  const head = parseHead({ method: "GET", url, headers: ["upgrade", "websocket"] });
  if (!head.allowed) throw new Error(head.detail);
  const ids = new SocketIds("robot", "main", ownership, "r-1");
  const socket = { connection, head: head.value, client: "robot", remoteAddress: "::1", backend: main, ids };
  return {
    clock,
    ids,
    become: (name: string) => {
      verdict = allow({ entry: { name, rights } });
    },
    leave: () => {
      verdict = deny("client_certificate_revoked", "It was revoked.");
    },
    judge: (message: object) => judgeMessage(gateway, socket, Buffer.from(JSON.stringify(message))),
  };
}
const create = (model: string, rest: object = {}) => ({ type: "response.create", model, ...rest });

describe("a message in a WebSocket", () => {
  it("is granted as the request that it stands for", async () => {
    expect(await opened().judge(create("near"))).toMatchObject({
      allowed: true,
      value: { operation: "responses", deployments: ["near"], creates: "response" },
    });
  });

  it.each<[string, object, string]>([
    ["a deployment that is not granted", create("also"), "deployment_not_permitted"],
    ["a deployment on another backend", create("away"), "deployment_not_permitted"],
    ["an object of nobody", create("near", { previous_response_id: "resp_1" }), "object_not_found"],
  ])("is refused with %s", async (_what, message, code) => {
    expect(await opened().judge(message)).toMatchObject({ allowed: false, code });
  });

  it("is judged by the hour of its own, not of the upgrade's", async () => {
    const { clock, judge } = opened();
    expect(await judge(create("near"))).toMatchObject({ allowed: true });
    clock.sleep(4 * 3_600_000);
    expect(await judge(create("near"))).toMatchObject({ allowed: false, code: "operation_not_permitted" });
  });

  it("is judged by who its client is now", async () => {
    const { judge, become, leave } = opened();
    become("somebody-else");
    expect(await judge(create("near"))).toMatchObject({ allowed: false, code: "client_unknown" });
    leave();
    expect(await judge(create("near"))).toMatchObject({ code: "client_certificate_revoked" });
  });

  it("may go on from what its own connection made, kept or not", async () => {
    const { ids, judge } = opened();
    expect(ids.learn(Buffer.from('{"type":"response.created","response":{"id":"resp_1"}}'))).toBeUndefined();
    expect(await judge(create("near", { previous_response_id: "resp_1", store: false }))).toMatchObject({
      allowed: true,
    });
  });

  it("of the Realtime API still needs the session's deployment, whatever it says", async () => {
    const { judge, clock } = opened("/openai/v1/realtime?model=near");
    const message = { type: "input_audio_buffer.append", audio: "AAAA" };
    expect(await judge(message)).toMatchObject({ allowed: true, value: { deployments: ["near"] } });
    clock.sleep(4 * 3_600_000);
    expect(await judge(message)).toMatchObject({ allowed: false });
  });
});
