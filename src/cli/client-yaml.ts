import { chmod, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ClientsEditor, editClients } from "../config/edit-clients.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblems } from "../config/problem.ts";
import type { ClientOptions } from "../model/client-options.ts";

/** Something that the operator asked for cannot be done; the message says it all. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Changes the clients of a configuration file, if the outcome is a good one. @throws Refusal */
export async function changeConfigFile(file: string, edit: (editor: ClientsEditor) => void): Promise<void> {
  // A link stays a link.
  const real = await realpath(file).catch(() => {
    throw new Refusal(`${file}: does not exist`);
  });
  const draft = join(dirname(real), `.certgate-${process.pid}.yaml`);
  let text: string;
  try {
    text = editClients(await readFile(real, "utf8"), edit);
  } catch (fault) {
    throw fault instanceof Refusal ? fault : new Refusal(`${file}: ${(fault as Error).message}`);
  }
  try {
    // Beside the file, since paths in it are relative to its folder.
    await writeFile(draft, text, { mode: 0o600 });
    const outcome = await loadConfig(draft);
    if (!outcome.ok)
      throw new Refusal(
        `${formatProblems(outcome.problems)}\n${file} would have problems, nothing was written`,
      );
    await chmod(draft, (await stat(real)).mode);
    await rename(draft, real);
  } finally {
    await rm(draft, { force: true });
  }
}

/** @throws Refusal where the configuration has a problem */
export async function clientsOfConfigFile(file: string): Promise<readonly ClientOptions[]> {
  const outcome = await loadConfig(file);
  if (!outcome.ok) throw new Refusal(formatProblems(outcome.problems));
  return Object.entries(outcome.config.clients).map(([name, client]) => ({ name, ...client }));
}
