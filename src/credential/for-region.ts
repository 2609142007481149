import type { OutboundCredential } from "./outbound-credential.ts";

/** A credential as one backend uses it: several may share it, and each is signed for in a region of its own. */
export const forRegion = (region: string, credential: OutboundCredential): OutboundCredential => ({
  name: credential.name,
  headers: (request, signal) => credential.headers({ ...request, region }, signal),
  refused: (headers) => credential.refused(headers),
  state: () => credential.state(),
  start: () => credential.start(),
  stop: () => credential.stop(),
});
