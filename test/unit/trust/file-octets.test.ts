import { randomBytes } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileOctets } from "../../../src/trust/file-octets.ts";

const content = randomBytes(1_500_000);
let folder: string;
let file: FileHandle;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "certgate-octets-"));
  file = await open(join(folder, "file"), "w+");
  await file.writeFile(content);
});
afterEach(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

describe("the octets of a file", () => {
  it.each([
    ["within a window", [0, 100, 50, 100_000]],
    ["across windows, forwards", [0, 500_000, 500_000, 600_000, 1_000_000, 1_500_000]],
    ["backwards", [1_400_000, 1_500_000, 0, 10]],
    ["larger than a window", [1, 1_400_001]],
    ["none, at the end", [1_500_000, 1_500_000]],
  ])("are those that stand there: %s", (_, bounds) => {
    const octets = fileOctets(file.fd, content.length);
    for (let i = 0; i < bounds.length; i += 2) {
      const [from, to] = [bounds[i]!, bounds[i + 1]!];
      expect(Buffer.compare(octets.read(from, to), content.subarray(from, to))).toBe(0);
    }
  });

  it("are not made up where the file became shorter", async () => {
    const octets = fileOctets(file.fd, content.length);
    octets.read(0, 10);
    await file.truncate(1_000_000);
    expect(() => octets.read(900_000, 1_100_000)).toThrow("it changed while it was read");
  });
});
