import { readFile } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

export interface AsShipped {
  /** Node's own, before the program. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * How the image starts the gateway, so that what is measured and soaked is what is run.
 * @throws Error when the Dockerfile does not say it as it did
 */
export async function asShipped(): Promise<AsShipped> {
  const text = await readFile(join(root, "Dockerfile"), "utf8");
  const entry = /^ENTRYPOINT (\["node", .*"bin\/certgate\.mjs"\])$/m.exec(text)?.[1];
  const env = /^ENV (NODE_ENV=.*)$/m.exec(text)?.[1];
  if (entry === undefined || env === undefined)
    throw new Error("the Dockerfile has no ENTRYPOINT with node, or no ENV");
  return {
    options: (JSON.parse(entry) as string[]).slice(1, -1),
    env: Object.fromEntries(
      // The image has this checkout's files in /app.
      env.split(" ").map((pair) => pair.replace("=/app/", `=${root}/`).split("=") as [string, string]),
    ),
  };
}
