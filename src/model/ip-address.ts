const decimalOctet = /^(?:0|[1-9]\d{0,2})$/;

/**
 * Reads an IP address in its textual form (RFC 4291 2.2 for version 6; four decimal numbers without leading zeros for
 * version 4). Pure, so that rooms without I/O can use it.
 * @returns 4 or 16 octets; undefined for anything else, a zone (`%eth0`) and octal spellings included
 */
export function readIpAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? readVersion6(text) : readVersion4(text);
}

function readVersion4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!decimalOctet.test(part) || Number(part) > 255) return undefined;
    octets[index] = Number(part);
  }
  return octets;
}

function readVersion6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const front = readGroups(head, tail === undefined);
  const back = tail === undefined ? [] : readGroups(tail, true);
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  // RFC 4291 2.2: "::" stands for one or more groups of zeros.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const octets = new Uint8Array(16);
  for (const [index, group] of [...front, ...Array<number>(missing).fill(0), ...back].entries()) {
    octets[index * 2] = group >> 8;
    octets[index * 2 + 1] = group & 0xff;
  }
  return octets;
}

/** 16-bit groups; the last two may be written as an IPv4 address where they are the address's end. */
function readGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const [a, b, c, d] = readVersion4(part) ?? [];
      if (!atEnd || index !== parts.length - 1 || a === undefined || b === undefined) return undefined;
      groups.push(a * 256 + b, (c ?? 0) * 256 + (d ?? 0));
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
