import { describe, expect, it } from "vitest";
import type { Ownership } from "../../../src/gateway/ownership.ts";
import { SocketIds } from "../../../src/gateway/socket-ids.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

function watched(claim?: () => Promise<void>) {
  const clock = new ManualClock();
  const store = createSqliteOwnership({ file: ":memory:", clock });
  const ownership: Ownership = {
    store: claim === undefined ? store : { ...store, claim },
    daysKept: {},
    clock,
    logger: createRecordingLogger(),
  };
  const ids = new SocketIds("robot", "main", ownership, "r-1");
  const owner = async (id: string) => (await store.ownersOf([{ kind: "response", id, backend: "main" }]))[0];
  return { ids, owner };
}
const event = (id: string) => Buffer.from(JSON.stringify({ type: "response.created", response: { id } }));

describe("the responses of a WebSocket", () => {
  it("are claimed before the client sees them, once one may be kept", async () => {
    const { ids, owner } = watched();
    ids.expectKept();
    await ids.learn(event("resp_1"));
    expect(await owner("resp_1")).toBe("robot");
    expect(ids.learn(event("resp_1"))).toBeUndefined();
  });

  it("are remembered here only as long as none is kept", async () => {
    const { ids, owner } = watched();
    expect(ids.learn(event("resp_1"))).toBeUndefined();
    expect(ids.has({ kind: "response", id: "resp_1" })).toBe(true);
    expect(ids.has({ kind: "file", id: "resp_1" })).toBe(false);
    expect(await owner("resp_1")).toBeUndefined();
  });

  it("that belong to somebody else are withheld", async () => {
    const { ids } = watched(() => Promise.reject(new GatewayError("ownership_conflict", "another client's")));
    ids.expectKept();
    await expect(ids.learn(event("resp_1"))).rejects.toMatchObject({ code: "ownership_conflict" });
    expect(ids.has({ kind: "response", id: "resp_1" })).toBe(false);
  });

  it("are given to the client although they stay nobody's when the store is down", async () => {
    const { ids } = watched(() => Promise.reject(new GatewayError("ownership_unavailable", "down")));
    ids.expectKept();
    await ids.learn(event("resp_1"));
    expect(ids.has({ kind: "response", id: "resp_1" })).toBe(true);
  });

  it("do not show in pieces of an answer, which are not even parsed", () => {
    const { ids } = watched();
    ids.expectKept();
    expect(ids.learn(Buffer.from('{"type":"response.output_text.delta","delta":"x"}'))).toBeUndefined();
    expect(ids.learn(Buffer.from('{"response" is no JSON'))).toBeUndefined();
  });
});
