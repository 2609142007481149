import type { ObjectKind } from "../model/object-kind.ts";
import type { Claim } from "./ownership-store.ts";

/** For how many days after its making an object of a kind stays known; the kinds that are missing: for ever. */
export type DaysKept = Partial<Record<ObjectKind, number | "never">>;

/**
 * As long as the services keep them, or longer: an entry that outlives its object grants nothing, and one that ends
 * before it makes the object unreachable for its own client.
 */
export const defaultDaysKept: DaysKept = {
  response: 30,
  completion: 30,
  batch: 30,
  upload: 1,
  container: 30,
  video: 30,
};

/** Only these end when their answer says; the `expires_at` of the others moves on with each use. */
const endsAsTold: ReadonlySet<ObjectKind> = new Set<ObjectKind>(["file", "upload"]);

const dayMs = 86_400_000;

/**
 * When an object ends that was made `now`.
 * @param toldMs its `expires_at` in epoch ms, where the answer holds one
 */
export function expiryOf(
  kind: ObjectKind,
  now: number,
  days: DaysKept,
  toldMs: number | undefined,
): Claim["expiresAt"] {
  if (toldMs !== undefined && toldMs > now && endsAsTold.has(kind)) return toldMs;
  const kept = days[kind] ?? "never";
  return kept === "never" ? "never" : now + kept * dayMs;
}
