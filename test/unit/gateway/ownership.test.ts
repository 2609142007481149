import { describe, expect, it } from "vitest";
import {
  claimObjects,
  claimsOf,
  forgetDeleted,
  locateObjects,
  type Ownership,
} from "../../../src/gateway/ownership.ts";
import type { NamedObject } from "../../../src/model/object-kind.ts";
import type { Target } from "../../../src/model/target.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import type { OwnershipStore } from "../../../src/ownership/ownership-store.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const file = (id: string): NamedObject => ({ kind: "file", id });
const target = (objects: readonly NamedObject[], change: Partial<Target> = {}): Target => ({
  operation: "files-get",
  group: "files",
  deployments: [],
  objects,
  path: `/openai/v1/files/${objects[0]?.id ?? ""}`,
  query: "",
  headers: [],
  stream: false,
  retryable: true,
  ...change,
});

function ownershipOf(store?: OwnershipStore) {
  const clock = new ManualClock();
  const logger = createRecordingLogger();
  const ownership: Ownership = {
    store: store ?? createSqliteOwnership({ file: ":memory:", clock }),
    daysKept: { response: 30 },
    clock,
    logger,
  };
  return { ownership, clock, logger };
}

/** What `device-1` finds when `placed` says who made what where. */
async function locating(
  placed: readonly (readonly [string, string, string])[],
  objects: readonly NamedObject[],
) {
  const { ownership } = ownershipOf();
  for (const [owner, id, backend] of placed) await claimObjects(owner, [file(id)], backend, ownership);
  return locateObjects({ client: "device-1", target: target(objects) }, () => ["north", "south"], ownership);
}
const notFound = (detail: RegExp) => ({
  allowed: false,
  code: "object_not_found",
  detail: expect.stringMatching(detail),
  inBackendsWords: { status: 404, code: null },
});

describe("the backend of the objects that a request names", () => {
  it("is the one that holds all of them for this client", async () => {
    const placed = [
      ["device-1", "a", "south"],
      ["device-1", "b", "south"],
      ["device-1", "b", "north"],
    ] as const;
    expect(await locating(placed, [file("a"), file("b")])).toMatchObject({ allowed: true, value: "south" });
  });

  it("is nowhere when it names none", async () => {
    expect(await locating([], [])).toMatchObject({ allowed: true, value: undefined });
  });

  it("is told apart where two backends gave out the same id to two clients", async () => {
    const placed = [
      ["device-2", "a", "north"],
      ["device-1", "a", "south"],
    ] as const;
    expect(await locating(placed, [file("a")])).toMatchObject({ allowed: true, value: "south" });
  });

  it.each([
    ["belongs to another client", [["device-2", "a", "north"]], [file("a")], /file a: it belongs to another/],
    ["is not known", [], [file("a")], /file a: it is not known/],
    [
      "lies where the request does not go",
      [["device-1", "a", "east"]],
      [file("a")],
      /file a: it is not known/,
    ],
    [
      "is the second of two",
      [
        ["device-1", "a", "north"],
        ["device-2", "b", "north"],
      ],
      [file("a"), file("b")],
      /file b: it belongs to another/,
    ],
    [
      "lies apart from another one",
      [
        ["device-1", "a", "north"],
        ["device-1", "b", "south"],
      ],
      [file("a"), file("b")],
      /several backends/,
    ],
  ] as const)("is refused when an object %s", async (_what, placed, objects, detail) => {
    expect(await locating(placed, objects)).toMatchObject(notFound(detail));
  });

  it("is refused when something is named without what holds it", async () => {
    const { ownership } = ownershipOf();
    const item: NamedObject = { kind: "item", id: "msg_1" };
    const asked = locateObjects({ client: "device-1", target: target([item]) }, () => ["north"], ownership);
    expect(await asked).toMatchObject(notFound(/without what holds it/));
  });

  it("takes what stands within an object for its owner's", async () => {
    const { ownership } = ownershipOf();
    const thread: NamedObject = { kind: "thread", id: "thread_1" };
    await claimObjects("device-1", [thread], "north", ownership);
    const within = target([thread, { kind: "run", id: "run_1" }, { kind: "step", id: "step_1" }]);
    expect(
      await locateObjects({ client: "device-1", target: within }, () => ["north"], ownership),
    ).toMatchObject({
      value: "north",
    });
    expect(
      await locateObjects({ client: "device-2", target: within }, () => ["north"], ownership),
    ).toMatchObject({
      allowed: false,
    });
  });

  it("is refused for a list of everybody's objects", async () => {
    const { ownership } = ownershipOf();
    const list = target([], { lists: "file" });
    expect(
      await locateObjects({ client: "device-1", target: list }, () => ["north"], ownership),
    ).toMatchObject({
      code: "operation_not_permitted",
    });
  });
});

describe("entries", () => {
  it("end with their objects", async () => {
    const { ownership, clock } = ownershipOf();
    const response: NamedObject = { kind: "response", id: "resp_1" };
    await claimObjects("device-1", [response], "north", ownership);
    const asked = () =>
      locateObjects({ client: "device-1", target: target([response]) }, () => ["north"], ownership);
    clock.sleep(30 * 86_400_000 - 1);
    expect((await asked()).allowed).toBe(true);
    clock.sleep(1);
    expect((await asked()).allowed).toBe(false);
  });

  it("of what is deleted go, and of what it was taken out of stay", async () => {
    const { ownership } = ownershipOf();
    const shelf: NamedObject = { kind: "vector_store", id: "vs_1" };
    await claimObjects("device-1", [shelf, file("a")], "north", ownership);
    const removal = target([shelf, file("a")], { deletes: "file" });
    await forgetDeleted({ target: removal }, "north", ownership);
    const owners = await ownership.store.ownersOf(
      [shelf, file("a")].map((one) => ({ ...one, backend: "north" })),
    );
    expect(owners).toEqual(["device-1", undefined]);
  });

  it("that cannot be removed are logged, and fail nothing", async () => {
    const down = () => Promise.reject(new GatewayError("ownership_unavailable", "no answer"));
    const { ownership, logger } = ownershipOf({ claim: down, ownersOf: down, forget: down, close: down });
    await forgetDeleted({ target: target([file("a")], { deletes: "file" }) }, "north", ownership);
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { fault: "no answer" } }]);
  });
});

describe("what stands between an answer and its client", () => {
  it("is nothing where nothing is made or named", () => {
    const { ownership } = ownershipOf();
    const grant = { client: "device-1", target: target([file("a")]) };
    expect(claimsOf(grant, undefined, "north", ownership, "r-1")).toBeUndefined();
  });

  it.each([
    ["makes a file", target([], { creates: "file" })],
    ["is about a batch", target([{ kind: "batch", id: "batch_1" }])],
  ])("is the watch for ids where a request %s", (_what, asked) => {
    const { ownership } = ownershipOf();
    expect(
      claimsOf({ client: "device-1", target: asked }, undefined, "north", ownership, "r-1"),
    ).toBeDefined();
  });
});
