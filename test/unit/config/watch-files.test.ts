import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { watchFiles } from "../../../src/config/watch-files.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

/** Watches with the real clock, since `stat` takes its own time. `looks` counts how often the files were asked for. */
function watch(files: readonly string[]) {
  let changes = 0;
  let looks = 0;
  const waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];
  const check = () => waiting.filter(({ met }) => met()).forEach(({ resolve }) => resolve());
  ends.push(
    watchFiles({
      clock: systemClock,
      pollMs: 5,
      files() {
        looks += 1;
        setImmediate(check);
        return files;
      },
      onChange() {
        changes += 1;
        check();
      },
    }),
  );
  const until = (met: () => boolean) =>
    new Promise<void>((resolve) => {
      waiting.push({ met, resolve });
      check();
    });
  return {
    changed: (times: number) => until(() => changes >= times),
    /** So many further looks have begun. */
    looked: (times: number) => {
      const target = looks + times;
      return until(() => looks >= target);
    },
    changes: () => changes,
  };
}

describe("watchFiles", () => {
  it("tells of a file that was written anew", async () => {
    const file = join(await tempDir(), "a.yaml");
    await writeFile(file, "one");
    const watching = watch([file]);
    await watching.looked(2);
    await writeFile(file, "another");
    await watching.changed(1);
    expect(watching.changes()).toBe(1);
  });

  it("tells of a mounted folder that was swapped, and of files in it once", async () => {
    const folder = await tempDir();
    for (const version of ["v1", "v2"]) {
      await mkdir(join(folder, version));
      for (const name of ["a", "b"]) await writeFile(join(folder, version, name), "same size");
    }
    await symlink("v1", join(folder, "data"));
    const watching = watch([join(folder, "data", "a"), join(folder, "data", "b")]);
    await watching.looked(2);
    await symlink("v2", join(folder, "next"));
    await rename(join(folder, "next"), join(folder, "data"));
    await watching.changed(1);
    await watching.looked(4);
    expect(watching.changes()).toBe(1);
  });

  it("tells of a file that went, and of its return", async () => {
    const file = join(await tempDir(), "a.yaml");
    await writeFile(file, "one");
    const watching = watch([file]);
    await watching.looked(2);
    await rm(file);
    await watching.changed(1);
    await writeFile(file, "one");
    await watching.changed(2);
    expect(watching.changes()).toBe(2);
  });

  it("says nothing while nothing changes", async () => {
    const file = join(await tempDir(), "a.yaml");
    await writeFile(file, "one");
    const watching = watch([file]);
    await watching.looked(5);
    expect(watching.changes()).toBe(0);
  });
});
