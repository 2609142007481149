import type { Clock } from "../kernel/clock.ts";
import type { SeenObject } from "./ids-in-answer.ts";
import { type DaysKept, expiryOf } from "./object-lifetimes.ts";
import type { Claim } from "./ownership-store.ts";

/** What is to be written down about objects that a backend made just now. */
export function claimsFor(
  seen: readonly SeenObject[],
  backend: string,
  { daysKept, clock }: { readonly daysKept: DaysKept; readonly clock: Clock },
): readonly Claim[] {
  const now = clock.now();
  return seen.map(({ kind, id, expiresAt }) => ({
    object: { backend, kind, id },
    expiresAt: expiryOf(kind, now, daysKept, expiresAt),
  }));
}
