import type { OwnershipStore } from "./ownership-store.ts";

/**
 * A store that is opened when it is first needed, and again at the next need while that fails: a folder that is not
 * writable must not keep a gateway from starting whose clients store nothing.
 * @param open throws GatewayError `ownership_unavailable`
 */
export function openedOnDemand(open: () => OwnershipStore): OwnershipStore {
  let opened: OwnershipStore | undefined;
  const store = (): OwnershipStore => (opened ??= open());
  return {
    claim: async (claims, owner) => store().claim(claims, owner),
    ownersOf: async (objects) => store().ownersOf(objects),
    forget: async (objects) => store().forget(objects),
    async close() {
      await opened?.close();
    },
  };
}
