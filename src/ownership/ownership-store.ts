import type { NamedObject } from "../model/object-kind.ts";

/** An object where it is kept: two backends may give out the same id, for two objects. */
export interface StoredObject extends NamedObject {
  /** The backend's name in the configuration. */
  readonly backend: string;
}

export interface Claim {
  readonly object: StoredObject;
  /** Epoch ms from which the object is gone and the entry counts as unknown. */
  readonly expiresAt: number | "never";
}

/**
 * Who made which stored object. An owner is a client's name in the configuration. Every method throws GatewayError
 * `ownership_unavailable` when the store does not answer: what is not known is nobody's, and what cannot be asked is
 * refused.
 */
export interface OwnershipStore {
  /**
   * The first claim wins. A repeated claim of the same owner keeps the later expiry.
   * @throws GatewayError `ownership_conflict` when somebody else owns one of the objects; nothing of theirs changes,
   * and of the others any may be claimed.
   */
  claim(claims: readonly Claim[], owner: string): Promise<void>;
  /** The owners, in the order asked for; undefined for what is not known or has expired. */
  ownersOf(objects: readonly StoredObject[]): Promise<readonly (string | undefined)[]>;
  /** The objects are deleted; unknown ones are passed over. */
  forget(objects: readonly StoredObject[]): Promise<void>;
  close(): Promise<void>;
}
