import { expect, it } from "vitest";
import { VerifiedPath } from "../../../src/pki/verified-path.ts";

it("takes no look-alike for a proof", () => {
  const forged = Object.assign(Object.create(VerifiedPath.prototype), {
    certificates: [],
    validUntil: Infinity,
  });
  expect(VerifiedPath.isProof(forged)).toBe(false);
  expect(VerifiedPath.isProof({ certificates: [], validUntil: 1, revocationNotes: [] })).toBe(false);
  expect(VerifiedPath.isProof(null)).toBe(false);
});
