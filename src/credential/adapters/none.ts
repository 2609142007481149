import type { OutboundCredential } from "../outbound-credential.ts";

/** For a backend that asks for nothing, or that knows the gateway by its own TLS certificate. */
export const createNoCredential = (name: string): OutboundCredential => ({
  name,
  headers: async () => [],
  refused: () => false,
  state: () => ({ name: `credential ${name}`, freshness: "fresh" }),
  start() {},
  stop() {},
});
