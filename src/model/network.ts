import { readIpAddress } from "./ip-address.ts";

/** A range of addresses: `10.20.0.0/16`, `2001:db8::/32`, or one address alone. */
export interface Network {
  /** 16 octets; version 4 stands in its mapped form (RFC 4291 2.5.5.2), so that both spellings of a caller compare. */
  readonly address: Uint8Array;
  /** 0 to 128 leading bits that count. */
  readonly bits: number;
}

export type NetworkReading =
  | { readonly ok: true; readonly network: Network }
  | { readonly ok: false; readonly reason: string };

/** Reads CIDR (RFC 4632, RFC 4291 2.3). Bits behind the prefix are refused: what was meant is not for us to guess. */
export function readNetwork(text: string): NetworkReading {
  const [written = "", prefix, ...rest] = text.split("/");
  const octets = readIpAddress(written);
  if (octets === undefined || rest.length > 0) return bad("it is no IP address or CIDR range");
  const width = octets.length * 8;
  if (prefix !== undefined && (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > width))
    return bad(`the number behind the slash must be from 0 to ${width}`);
  const bits = (prefix === undefined ? width : Number(prefix)) + 128 - width;
  const address = mapped(octets);
  if (address.some((octet, index) => (octet & hostMask(bits, index)) !== 0))
    return bad("the address has bits set behind its prefix");
  return { ok: true, network: { address, bits } };
}

/** The 16 octets to compare of a caller's address as a socket tells it, without its zone; undefined: unreadable. */
export function comparableAddress(text: string): Uint8Array | undefined {
  const zone = text.indexOf("%");
  const octets = readIpAddress(zone === -1 ? text : text.slice(0, zone));
  return octets === undefined ? undefined : mapped(octets);
}

export function isInNetwork(address: Uint8Array, network: Network): boolean {
  for (let index = 0; index * 8 < network.bits; index += 1) {
    const differing = (address[index] as number) ^ (network.address[index] as number);
    if ((differing & ~hostMask(network.bits, index) & 0xff) !== 0) return false;
  }
  return true;
}

/** Of the octet at `index`, the bits that do not belong to a prefix of `bits`. */
const hostMask = (bits: number, index: number): number => 0xff >> Math.min(Math.max(bits - index * 8, 0), 8);

function mapped(octets: Uint8Array): Uint8Array {
  if (octets.length === 16) return octets;
  const address = new Uint8Array(16);
  address.fill(0xff, 10, 12);
  address.set(octets, 12);
  return address;
}

const bad = (reason: string): NetworkReading => ({ ok: false, reason });
