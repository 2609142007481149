import { stat } from "node:fs/promises";
import type { Cancel, Clock } from "../kernel/clock.ts";

export interface FileWatchOptions {
  readonly clock: Clock;
  /** Absolute paths; asked at each look, because a new configuration names other files. */
  readonly files: () => readonly string[];
  readonly pollMs: number;
  /** Called once for all that changed between two looks, when the change has settled for one of them. */
  readonly onChange: () => void;
}

/**
 * Looks at files by polling: a mounted secret or config map is swapped by renaming a link to its folder, which no
 * notification of the file itself tells of, and network file systems notify nobody.
 * @returns ends the watch
 */
export function watchFiles({ clock, files, pollMs, onChange }: FileWatchOptions): Cancel {
  let known: string | undefined;
  let pending: string | undefined;
  let ended = false;
  let cancel: Cancel = () => {};

  async function look(): Promise<void> {
    const seen = await picture(files());
    if (ended) return;
    const settled = known !== undefined && seen !== known && seen === pending;
    // Several files are written one after another; one look later they are all there.
    pending = known !== undefined && seen !== known && !settled ? seen : undefined;
    if (known === undefined || settled) known = seen;
    if (settled) onChange();
    cancel = clock.after(pollMs, () => void look());
  }
  void look();

  return () => {
    ended = true;
    cancel();
  };
}

/** What tells one version of the files from another; a missing file is a version too. */
async function picture(files: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    files.map(async (file) => {
      try {
        const { ino, size, mtimeMs } = await stat(file);
        return `${file} ${ino} ${size} ${mtimeMs}`;
      } catch {
        return `${file} missing`;
      }
    }),
  );
  return lines.toSorted().join("\n");
}
