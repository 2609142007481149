import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void;
setFlagsFromString("--no-expose-gc");

const oldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")?.space_used_size ?? 0;

/**
 * By how many bytes the old generation grows while something is done many times, with collections of the young one in
 * between: next to nothing, unless what has ended refers to what comes after it.
 * @param step is done 50,000 times, each time with something that is of no use soon after
 */
export function oldGenerationGrowth(step: () => void): number {
  for (let count = 0; count < 100; count += 1) step();
  // All of this is old now, and so is what of it has ended by the next step.
  collect();
  collect();
  const before = oldBytes();
  for (let count = 0; count < 50_000; count += 1) {
    step();
    if (count % 500 === 0) collect({ type: "minor" });
  }
  return oldBytes() - before;
}
