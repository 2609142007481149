import { readFile } from "node:fs/promises";
import { configuredFiles } from "../config/files.ts";
import type { Config } from "../config/schema.ts";
import { GatewayError } from "../kernel/errors.ts";
import { fingerprint } from "./kept-parts.ts";

/**
 * Fingerprints of the files whose content is a part of the configuration: a CA that was exchanged under its old name is
 * another configuration.
 * @throws GatewayError `internal_error` for one that cannot be read
 */
export async function contentOfFiles(config: Config): Promise<Readonly<Record<string, string>>> {
  const { once } = configuredFiles(config);
  const read = once.map(async (file): Promise<[string, string]> => {
    try {
      return [file, fingerprint(await readFile(file, "base64"))];
    } catch (cause) {
      throw new GatewayError("internal_error", `${file} cannot be read`, { cause });
    }
  });
  return Object.fromEntries(await Promise.all(read));
}
