import { readFile } from "node:fs/promises";
import type { ReloadDoor } from "../admin/reload.ts";

/** Who may ask for a reload on the admin port: whoever knows what is in the file. */
export const reloadDoor = (
  tokenFile: string | undefined,
  run: ReloadDoor["run"],
): { readonly reload?: ReloadDoor } =>
  tokenFile === undefined
    ? {}
    : { reload: { run, token: async () => (await readFile(tokenFile, "utf8")).trim() } };
