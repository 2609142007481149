import type { OutboundCredential } from "./outbound-credential.ts";

/**
 * A credential as one backend uses it: several may share it, and each is signed for in a region of its own.
 * @param hostHeader what the forwarder sends in `Host`, where that is not the origin's host
 */
export const forRegion = (
  region: string,
  credential: OutboundCredential,
  hostHeader?: string,
): OutboundCredential => ({
  name: credential.name,
  headers: (request, signal) => {
    const headers = hostHeader === undefined ? request.headers : [...request.headers, "host", hostHeader];
    return credential.headers({ ...request, headers, region }, signal);
  },
  refused: (headers) => credential.refused(headers),
  state: () => credential.state(),
  start: () => credential.start(),
  stop: () => credential.stop(),
});
