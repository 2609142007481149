import type { ReloadSource } from "../compose/reload.ts";
import { configuredFiles } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";

/** Reads the configuration from its file again, when that or a file that it names has changed. */
export function reloadFrom(file: string, first: Config): ReloadSource {
  let watched = filesOf(file, first);
  return {
    async load() {
      const outcome = await loadConfig(file);
      // Of a file with problems nobody knows what it names: what was watched stays watched.
      if (outcome.ok) watched = filesOf(file, outcome.config);
      return outcome;
    },
    files: () => watched,
    pollMs: 1000,
  };
}

function filesOf(file: string, config: Config): readonly string[] {
  const { once, again } = configuredFiles(config);
  return [file, ...once, ...again];
}
