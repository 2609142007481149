import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { workerCount } from "../../../src/cli/worker-count.ts";

describe("workerCount", () => {
  it.each([
    [undefined, 1],
    ["1", 1],
    ["16", 16],
    ["256", 256],
    ["auto", availableParallelism()],
  ])("reads %s as %s", (text, count) => {
    expect(workerCount(text)).toBe(count);
  });

  it.each(["0", "257", "-1", "1.5", "", " 2", "0x2", "many", "1e2"])("refuses %j", (text) => {
    expect(() => workerCount(text)).toThrow(UsageError);
  });
});
