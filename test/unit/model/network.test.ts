import { BlockList, isIPv6 } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparableAddress, isInNetwork, readNetwork } from "../../../src/model/network.ts";

const holds = (network: string, address: string): boolean => {
  const reading = readNetwork(network);
  const octets = comparableAddress(address);
  if (!reading.ok) throw new Error(reading.reason);
  return octets !== undefined && isInNetwork(octets, reading.network);
};

describe("a network", () => {
  it.each([
    ["10.20.0.0/16", "10.20.255.255"],
    ["10.20.0.0/16", "::ffff:10.20.0.1"],
    ["10.20.0.0/16", "::FFFF:a14:1"],
    ["::ffff:10.20.0.0/112", "10.20.1.1"],
    ["10.20.3.4", "10.20.3.4"],
    ["0.0.0.0/0", "203.0.113.9"],
    ["2001:db8::/32", "2001:db8:ffff::1"],
    ["::/0", "2001:db8::1"],
    ["fe80::/10", "fe80::1%eth0"],
  ])("%s holds %s", (network, address) => {
    expect(holds(network, address)).toBe(true);
  });

  it.each([
    ["10.20.0.0/16", "10.21.0.0"],
    ["10.20.3.4", "10.20.3.5"],
    ["0.0.0.0/0", "2001:db8::1"],
    ["2001:db8::/33", "2001:db8:8000::"],
    ["10.0.0.0/8", "not an address"],
    ["10.0.0.0/8", "010.0.0.1"],
    ["10.0.0.0/8", ""],
  ])("%s does not hold %s", (network, address) => {
    expect(holds(network, address)).toBe(false);
  });

  it("holds what Node's own block list holds", () => {
    const v4 = fc.ipV4();
    const v6 = fc.ipV6();
    const run = fc.check(
      fc.property(
        fc.oneof(v4, v6),
        fc.nat(128),
        fc.oneof(v4, v6),
        fc.boolean(),
        (base, length, other, near) => {
          const width = isIPv6(base) ? 128 : 32;
          const bits = length % (width + 1);
          const address = near ? base : other;
          const list = new BlockList();
          list.addSubnet(base, bits, width === 128 ? "ipv6" : "ipv4");
          const theirs = list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
          const octets = comparableAddress(base);
          if (octets === undefined) throw new Error(`${base} was not read`);
          const prefix = bits + 128 - width;
          const masked = octets.map(
            (octet, index) => octet & ~(0xff >> Math.min(Math.max(prefix - index * 8, 0), 8)),
          );
          const candidate = comparableAddress(address);
          const ours = candidate !== undefined && isInNetwork(candidate, { address: masked, bits: prefix });
          // The block list keeps the families apart, but for mapped addresses, which it unwraps as we do.
          return isIPv6(base) === isIPv6(address) || theirs ? ours === theirs : true;
        },
      ),
      { numRuns: 2000 },
    );
    expect(run.counterexample).toBeNull();
  });
});
