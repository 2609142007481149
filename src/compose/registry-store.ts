import { sqliteRegistryStore } from "../registry/adapters/sqlite-store.ts";
import type { RegistryStore } from "../registry/ports.ts";

/** A registry for `certgate client`. @throws GatewayError */
export const openRegistryStore = (file: string, mode: "write" | "write or create"): RegistryStore =>
  sqliteRegistryStore(file, mode);
