import { startFleet } from "../compose/supervise.ts";
import type { ReloadSource } from "../compose/reload.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../kernel/clock.ts";
import { exitCodes } from "./command.ts";
import { drainMs } from "./drain-time.ts";

/** From the sources (type stripping) as from the build: the worker's program is of the same kind as this file. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "./serve-worker.ts" : "./serve-worker.js",
  import.meta.url,
);

/**
 * Serves with several workers until the signal.
 * @param stopped resolves at the signal
 * @throws GatewayError when they could not start, or do not come to serve any more
 */
export async function serveWithWorkers(
  config: Config,
  workers: number,
  reload: ReloadSource,
  stopped: Promise<NodeJS.Signals>,
): Promise<number> {
  // However this process ends, even by a second signal, no worker may stay behind.
  const ending = (kill: () => void) => void process.once("exit", kill);
  const starting = startFleet(config, { workers, clock: systemClock, program, reload }, ending);
  const fleet = await Promise.race([starting, stopped]);
  // Nothing is under way yet.
  if (typeof fleet === "string") process.exit(exitCodes.ok);
  process.on("SIGHUP", () => void fleet.reload());
  try {
    await Promise.race([stopped, fleet.gaveUp]);
  } catch (fault) {
    await fleet.stop(0);
    throw fault;
  }
  await fleet.stop(drainMs);
  return exitCodes.ok;
}
