import { describe, expect, it } from "vitest";
import { claimLines, grantBatchInputs } from "../../../src/gateway/batch-input.ts";
import { claimObjects, forgetDeleted, type Ownership } from "../../../src/gateway/ownership.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import type { Target } from "../../../src/model/target.ts";
import { createSqliteOwnership } from "../../../src/ownership/adapters/sqlite-ownership.ts";
import { createRightsCompiler } from "../../../src/policy/client-entry.ts";
import { decide } from "../../../src/policy/decide.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const clock = new ManualClock();
const bookOf = (): Ownership => ({
  store: createSqliteOwnership({ file: ":memory:", clock }),
  daysKept: {},
  clock,
  logger: createRecordingLogger(),
});
const batch: Target = {
  operation: "batches-create",
  group: "batches",
  deployments: [],
  objects: [
    { kind: "file", id: "f" },
    { kind: "batch_input", id: "f" },
  ],
  path: "/openai/v1/batches",
  query: "",
  headers: [],
  stream: false,
  retryable: false,
};
const rights = createRightsCompiler({ deployments: ["near", "far", "gone"], roles: {} }).compile({
  deployments: ["near", "gone"],
  operations: ["batches"],
});
const asked = (book: Ownership, target = batch) =>
  grantBatchInputs(
    { client: "device-1", target },
    () => ({ store: book.store, ...places }),
    (wider) => decide({ name: "device-1", rights }, wider, { at: clock.now() }),
  );
const places = {
  backends: ["north", "south"],
  isCalledSoAt: (deployment: string, backend: string) => deployment !== "gone" && backend !== "west",
};
const file = [{ kind: "file", id: "f" }] as const;
async function uploaded(owner: string, lines: readonly (readonly [string, string])[], backend = "north") {
  const book = bookOf();
  await claimObjects(owner, file, backend, book);
  for (const [deployment, where] of lines) await claimLines(deployment, file, where, book);
  return book;
}

describe("the input of a batch", () => {
  it("is granted where the deployment of its lines is", async () => {
    expect(await asked(await uploaded("device-1", [["near", "north"]]))).toMatchObject({ allowed: true });
  });

  it("is not granted where the deployment of its lines is not", async () => {
    expect(await asked(await uploaded("device-1", [["far", "north"]]))).toMatchObject({
      allowed: false,
      code: "deployment_not_permitted",
    });
  });

  it("is not granted where its deployment is called otherwise by now: its lines cannot be renamed", async () => {
    expect(await asked(await uploaded("device-1", [["gone", "north"]]))).toMatchObject({
      allowed: false,
      code: "deployment_not_permitted",
      detail: expect.stringContaining("does not lie where the file does"),
    });
  });

  it("must have been read where it lies: a file of the same id elsewhere says nothing about it", async () => {
    for (const lines of [[], [["near", "south"]]] as const)
      expect(await asked(await uploaded("device-1", lines))).toMatchObject({
        allowed: false,
        code: "operation_not_permitted",
      });
  });

  it("is granted on each backend where its client has a file of that id", async () => {
    const book = await uploaded("device-1", [
      ["near", "north"],
      ["far", "south"],
    ]);
    await claimObjects("device-1", file, "south", book);
    expect(await asked(book)).toMatchObject({ allowed: false, code: "deployment_not_permitted" });
  });

  it("says nothing about another client's file: that one is not found later", async () => {
    expect(await asked(await uploaded("device-2", [["far", "north"]]))).toMatchObject({ allowed: true });
    expect(await asked(bookOf())).toMatchObject({ allowed: true });
  });

  it("is asked about by batches only", async () => {
    const target = { ...batch, objects: [{ kind: "file", id: "f" }] as const };
    expect(await asked(await uploaded("device-1", []), target)).toMatchObject({ allowed: true });
  });

  it("is refused while nobody can tell", async () => {
    const book = await uploaded("device-1", [["near", "north"]]);
    await book.store.close();
    await expect(asked(book)).rejects.toMatchObject({ code: "ownership_unavailable" });
    await expect(claimLines("near", file, "north", book)).rejects.toBeInstanceOf(GatewayError);
  });

  it("is forgotten with its file", async () => {
    const book = await uploaded("device-1", [["near", "north"]]);
    const target = { ...batch, objects: file, deletes: "file" } as const;
    await forgetDeleted({ target }, "north", book);
    await claimObjects("device-1", file, "north", book);
    expect(await asked(book)).toMatchObject({ allowed: false, code: "operation_not_permitted" });
  });
});
