import { availableParallelism } from "node:os";
import { UsageError } from "./command.ts";

/** More than any machine has cores that one gateway should take. */
const most = 256;

/**
 * How many processes serve. `auto`: one for each core that this process may use, which knows of affinities and of a
 * container's share.
 * @throws UsageError
 */
export function workerCount(text: string | undefined): number {
  if (text === undefined) return 1;
  if (text === "auto") return Math.min(availableParallelism(), most);
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most)
    throw new UsageError(`--workers must be auto or a number from 1 to ${most}, not "${text}".`);
  return count;
}
