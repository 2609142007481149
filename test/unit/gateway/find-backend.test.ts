import { describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { BackendPool } from "../../../src/backend/pool.ts";
import { RetryBudget } from "../../../src/backend/retry-budget.ts";
import { Upstream } from "../../../src/backend/upstream.ts";
import { findPlaces, namesAt, refuseElsewhere } from "../../../src/gateway/find-backend.ts";
import type { Gateway, ReadyBackend, ReadyPool } from "../../../src/gateway/gateway.ts";
import { claimObjects, type Ownership } from "../../../src/gateway/ownership.ts";
import type { BackendKind } from "../../../src/model/backend.ts";
import type { Grant } from "../../../src/model/grant.ts";
import type { NamedObject } from "../../../src/model/object-kind.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import type { ClientEntry } from "../../../src/policy/client-entry.ts";
import { operations } from "../../../src/target/operations.ts";
import type { RequestHead } from "../../../src/target/parse-head.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const clock = new ManualClock();
const breaker = { failures: 1, openMs: 1000, maxOpenMs: 1000, slowStartMs: 0 };

/** `north` for a deployment of the same name there, `north:other` for one that is called otherwise. */
function poolOf(
  deployment: string,
  places: readonly string[],
  kind: BackendKind = "azure-openai",
): ReadyPool {
  const made = places.map((place) => {
    const [name = "", upstream = deployment] = place.split(":");
    return {
      backend: { name, kind } as ReadyBackend,
      member: {
        upstream: new Upstream(
          upstream,
          { backend: name, concurrency: undefined, outstanding: 0 },
          new CircuitBreaker(breaker, clock, () => 0),
        ),
        priority: 1,
        weight: 1,
      },
    };
  });
  const pool = new BackendPool({
    members: made.map(({ member }) => member),
    selection: "weighted",
    budget: new RetryBudget({ percent: 0, burst: 0 }),
    attempts: 3,
    retryWithinMs: 1000,
    random: () => 0,
  });
  return { pool, places: made };
}

/** A gateway as far as this decision looks. */
function gatewayWith(deployments: Record<string, ReadyPool>, change: Partial<Gateway> = {}) {
  const ownership: Ownership = {
    store: createSqliteOwnership({ file: ":memory:", clock }),
    daysKept: {},
    clock,
    logger: createRecordingLogger(),
  };
  const names = Object.values(deployments).flatMap(({ places }) => places.map(({ backend }) => backend.name));
  return {
    ownership,
    objectPools: new Map([...new Set(names)].map((name) => [name, poolOf("", [name])])),
    backendOfNewObjects: undefined,
    poolOf: (name: string) => deployments[name],
    ...change,
  };
}
const each = () => ({ "gpt-n": poolOf("gpt-n", ["north"]), "gpt-s": poolOf("gpt-s", ["south"]) });
const entry = (...deployments: string[]) =>
  ({ rights: { deployments: new Set(deployments) } }) as unknown as ClientEntry;
const grant = (objects: readonly NamedObject[], deployment?: string, ...others: string[]) =>
  ({
    client: "device-1",
    target: { objects, path: "/", deployments: deployment === undefined ? [] : [deployment, ...others] },
    deployment,
  }) as unknown as Grant;
const head = (name = "chat-completions", path?: string) =>
  ({
    operation: operations.find((row) => row.name === name && (path === undefined || row.path === path)),
  }) as RequestHead;
const file: NamedObject = { kind: "file", id: "a" };

async function namesOf(...args: Parameters<typeof findPlaces>) {
  const found = await findPlaces(...args);
  return found.allowed ? found.value.places.map(({ backend }) => backend.name) : found.code;
}

describe("a request goes", () => {
  it("where its deployment is", async () => {
    expect(await namesOf(gatewayWith(each()), entry("gpt-n"), grant([], "gpt-s"), head())).toEqual(["south"]);
  });

  it("to any of the backends of its deployment", async () => {
    const gateway = gatewayWith({ gpt: poolOf("gpt", ["north", "south"]) });
    expect(await namesOf(gateway, entry("gpt"), grant([], "gpt"), head())).toEqual(["north", "south"]);
  });

  it("of those only where the object lies that it names", async () => {
    const gateway = gatewayWith({ gpt: poolOf("gpt", ["north", "south"]) });
    await claimObjects("device-1", [file], "south", gateway.ownership);
    expect(await namesOf(gateway, entry("gpt"), grant([file], "gpt"), head())).toEqual(["south"]);
  });

  it("of those only where all deployments are that it names", async () => {
    const gateway = gatewayWith({
      gpt: poolOf("gpt", ["north", "south"]),
      image: poolOf("image", ["south:draw", "west"]),
    });
    const drawing = grant([], "gpt", "image");
    expect(await namesOf(gateway, entry(), drawing, head())).toEqual(["south"]);
    const found = await findPlaces(gateway, entry(), drawing, head());
    const place = found.allowed ? found.value.places[0] : undefined;
    if (place === undefined) throw new Error("there is none");
    expect(["gpt", "image", "other"].map(namesAt(gateway, place, "gpt"))).toEqual(["gpt", "draw", undefined]);
  });

  it("nowhere, when no backend has all deployments that it names", async () => {
    expect(await namesOf(gatewayWith(each()), entry(), grant([], "gpt-n", "gpt-s"), head())).toBe(
      "deployment_not_permitted",
    );
  });

  it("only where its deployment has the same name, when it cannot be renamed", async () => {
    const gateway = gatewayWith({ gpt: poolOf("gpt", ["north:other", "south"]) });
    expect(await namesOf(gateway, entry(), grant([], "gpt"), head("files-create"))).toEqual(["south"]);
    expect(await namesOf(gateway, entry(), grant([], "gpt"), head("realtime"))).toEqual(["south"]);
    const nowhere = gatewayWith({ gpt: poolOf("gpt", ["north:other"]) });
    expect(await namesOf(nowhere, entry(), grant([], "gpt"), head("files-create"))).toBe(
      "deployment_not_permitted",
    );
  });

  it("nowhere, when its backends are of a kind that does not know the operation", async () => {
    const gateway = gatewayWith({ gpt: poolOf("gpt", ["north"], "bedrock") });
    expect(await namesOf(gateway, entry(), grant([], "gpt"), head("embeddings"))).toBe("operation_unknown");
  });

  it("where its objects are, when it names no deployment", async () => {
    const gateway = gatewayWith(each());
    await claimObjects("device-1", [file], "south", gateway.ownership);
    expect(await namesOf(gateway, entry("gpt-n"), grant([file]), head("files-get"))).toEqual(["south"]);
  });

  it("nowhere, when its objects are not where its deployment is", async () => {
    const gateway = gatewayWith(each());
    await claimObjects("device-1", [file], "south", gateway.ownership);
    expect(await namesOf(gateway, entry("gpt-n"), grant([file], "gpt-n"), head())).toBe("object_not_found");
  });

  it("where all its client's deployments are, when it names nothing", async () => {
    expect(await namesOf(gatewayWith(each()), entry("gpt-s"), grant([]), head("files-create"))).toEqual([
      "south",
    ]);
  });

  it("where each of its client's deployments also is, when they have several backends", async () => {
    const gateway = gatewayWith({
      a: poolOf("a", ["north", "south"]),
      b: poolOf("b", ["west", "south"]),
    });
    expect(await namesOf(gateway, entry("a", "b"), grant([]), head("files-create"))).toEqual(["south"]);
  });

  it("where the configuration says, when its client's deployments lie on several backends or it has none", async () => {
    const gateway = gatewayWith(each(), { backendOfNewObjects: "north" });
    for (const client of [entry("gpt-n", "gpt-s"), entry()])
      expect(await namesOf(gateway, client, grant([]), head("files-create"))).toEqual(["north"]);
  });

  it("to the only backend there is", async () => {
    const gateway = gatewayWith({ gpt: poolOf("gpt", ["north"]) });
    expect(await namesOf(gateway, entry(), grant([]), head("files-create"))).toEqual(["north"]);
  });

  it("nowhere, when nothing tells where", async () => {
    expect(await namesOf(gatewayWith(each()), entry("gpt-n", "gpt-s"), grant([]), head("files-create"))).toBe(
      "operation_not_permitted",
    );
  });
});

describe("a WebSocket", () => {
  /** All that a client of these deployments can be led to by an upgrade that names none, the preferred place first. */
  const ledTo = async (deployments: Record<string, ReadyPool>, change: Partial<Gateway> = {}) => {
    const client = entry(...Object.keys(deployments));
    const found = await findPlaces(
      gatewayWith(deployments, change),
      client,
      grant([]),
      head("responses-socket"),
    );
    if (!found.allowed) return found.code;
    const byPriority = found.value.places.toSorted((a, b) => a.member.priority - b.member.priority);
    return byPriority.map(({ backend }) => backend.name);
  };

  it("that names no deployment goes where all that its messages may name lie under their own names", async () => {
    const places = { a: poolOf("a", ["north:x", "south", "west"]), b: poolOf("b", ["west", "south"]) };
    expect(await ledTo(places)).toEqual(["south", "west"]);
  });

  it("that names no deployment goes first to where its client's new objects are made", async () => {
    const places = { a: poolOf("a", ["north", "south"]) };
    expect(await ledTo(places)).toEqual(["north", "south"]);
    expect(await ledTo(places, { backendOfNewObjects: "south" })).toEqual(["south", "north"]);
  });

  it("that names no deployment goes where new objects are made, when its client's deployments share no backend", async () => {
    const places = { a: poolOf("a", ["north"]), b: poolOf("b", ["south"]) };
    expect(await ledTo(places, { backendOfNewObjects: "south" })).toEqual(["south"]);
    expect(await ledTo(places)).toBe("operation_not_permitted");
  });

  it("may name only what has the same name on its backend", () => {
    const gateway = gatewayWith({ same: poolOf("same", ["north"]), other: poolOf("other", ["north:x"]) });
    const backend = { name: "north" } as ReadyBackend;
    expect(refuseElsewhere(gateway, ["same"], backend)).toBeUndefined();
    for (const name of ["other", "unknown"])
      expect(refuseElsewhere(gateway, ["same", name], backend)).toMatchObject({
        code: "deployment_not_permitted",
      });
  });
});
