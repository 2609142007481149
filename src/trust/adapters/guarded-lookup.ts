import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * Where a URL that a stranger chose may not lead: this machine, its networks, and what answers there to anybody who
 * asks, such as an instance metadata service. An https certificate is no defence, since the request is the harm.
 */
const insideV4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8], // this host (RFC 1122 3.2.1.3)
  ["10.0.0.0", 8], // private (RFC 1918)
  ["100.64.0.0", 10], // shared by a carrier's customers (RFC 6598)
  ["127.0.0.0", 8], // loopback
  ["168.63.129.16", 32], // Azure's own agent endpoint in every virtual network, a public address by its number only
  ["169.254.0.0", 16], // link-local, metadata services among it (RFC 3927)
  ["172.16.0.0", 12],
  ["192.0.0.0", 24], // protocol assignments (RFC 6890)
  ["192.168.0.0", 16],
  ["198.18.0.0", 15], // benchmarks (RFC 2544)
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
] as const)
  insideV4.addSubnet(network, prefix, "ipv4");

/** Everything but global unicast (RFC 4291 2.4) is inside, and so are the tunnels that carry an IPv4 address within. */
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");
const tunnelsV6 = new BlockList();
tunnelsV6.addSubnet("2001::", 32, "ipv6"); // Teredo (RFC 4380)
tunnelsV6.addSubnet("2002::", 16, "ipv6"); // 6to4 (RFC 3056)

/** Whether an address, in any text form that `node:net` takes, is one of the public Internet. Fails closed. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !insideV4.check(address, "ipv4");
  return family === 6 && globalV6.check(address, "ipv6") && !tunnelsV6.check(address, "ipv6");
}

/**
 * The `lookup` of a request to a URL that a stranger chose: it hands out public addresses only. The address that is
 * judged is the one that is connected to, so a name that resolves differently the second time gains nothing. Use it
 * with `agent: false` (a proxy or a kept connection would look up nothing here) and with `refuseInsideAddress` (an
 * address that is written in the URL itself is never looked up), for each redirect again.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, []);
    const allowed = found.filter(({ address }) => isPublicAddress(address));
    const [first] = allowed;
    if (first === undefined) return callback(refusal(hostname), []);
    if (options.all === true) return callback(null, allowed);
    return callback(null, first.address, first.family);
  });
};

/** @throws Error where the URL names an address that is not public, instead of a name to look up */
export function refuseInsideAddress({ hostname }: URL): void {
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(address) !== 0 && !isPublicAddress(address)) throw refusal(hostname);
}

const refusal = (hostname: string): Error =>
  new Error(`${hostname} is an address of an inside network, where a certificate's URL may not lead`);
