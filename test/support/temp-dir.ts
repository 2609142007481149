import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

/** A new empty directory that is removed when the running test ends. To be called inside a test. */
export async function tempDir(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "certgate-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
