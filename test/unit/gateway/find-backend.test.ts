import { describe, expect, it } from "vitest";
import { findBackend } from "../../../src/gateway/find-backend.ts";
import type { Gateway, ReadyBackend } from "../../../src/gateway/gateway.ts";
import { claimObjects, type Ownership } from "../../../src/gateway/ownership.ts";
import type { Grant } from "../../../src/model/grant.ts";
import type { NamedObject } from "../../../src/model/object-kind.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import type { ClientEntry } from "../../../src/policy/client-entry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const clock = new ManualClock();
const backend = (name: string) => ({ name }) as ReadyBackend;
const [north, south] = [backend("north"), backend("south")];

/** A gateway with `gpt-n` on north and `gpt-s` on south, as far as this decision looks. */
function gatewayWith(change: Partial<Gateway> = {}) {
  const ownership: Ownership = {
    store: createSqliteOwnership({ file: ":memory:", clock }),
    daysKept: {},
    clock,
    logger: createRecordingLogger(),
  };
  const deployments: Record<string, ReadyBackend> = { "gpt-n": north, "gpt-s": south };
  return {
    ownership,
    objectBackends: new Map([north, south].map((one) => [one.name, one])),
    backendOfNewObjects: undefined,
    backendOf: (name: string) => deployments[name],
    ...change,
  } as Gateway;
}
const entry = (...deployments: string[]) =>
  ({ rights: { deployments: new Set(deployments) } }) as unknown as ClientEntry;
const grant = (objects: readonly NamedObject[], deployment?: string) =>
  ({ client: "device-1", target: { objects, path: "/" }, deployment }) as unknown as Grant;
const file: NamedObject = { kind: "file", id: "a" };

describe("a request goes", () => {
  it("where its deployment is", async () => {
    expect(await findBackend(gatewayWith(), entry("gpt-n"), grant([], "gpt-s"))).toMatchObject({
      value: south,
    });
  });

  it("where its objects are, when it names no deployment", async () => {
    const gateway = gatewayWith();
    await claimObjects("device-1", [file], "south", gateway.ownership);
    expect(await findBackend(gateway, entry("gpt-n"), grant([file]))).toMatchObject({ value: south });
  });

  it("nowhere, when its objects are not where its deployment is", async () => {
    const gateway = gatewayWith();
    await claimObjects("device-1", [file], "south", gateway.ownership);
    expect(await findBackend(gateway, entry("gpt-n"), grant([file], "gpt-n"))).toMatchObject({
      code: "object_not_found",
    });
  });

  it("where all its client's deployments are, when it names nothing", async () => {
    expect(await findBackend(gatewayWith(), entry("gpt-s"), grant([]))).toMatchObject({ value: south });
  });

  it("where the configuration says, when its client's deployments lie on several backends or it has none", async () => {
    const gateway = gatewayWith({ backendOfNewObjects: "north" });
    expect(await findBackend(gateway, entry("gpt-n", "gpt-s"), grant([]))).toMatchObject({ value: north });
    expect(await findBackend(gateway, entry(), grant([]))).toMatchObject({ value: north });
  });

  it("to the only backend there is", async () => {
    const gateway = gatewayWith({ objectBackends: new Map([["north", north]]) });
    expect(await findBackend(gateway, entry(), grant([]))).toMatchObject({ value: north });
  });

  it("nowhere, when nothing tells where", async () => {
    expect(await findBackend(gatewayWith(), entry("gpt-n", "gpt-s"), grant([]))).toMatchObject({
      code: "operation_not_permitted",
    });
  });
});
