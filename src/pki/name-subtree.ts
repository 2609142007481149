import type { GeneralName } from "./general-name.ts";
import type { Name } from "./name.ts";

/**
 * How a name stands to a subtree of name constraints (RFC 5280 4.2.1.10). `malformed`: one of the two is not what its
 * form demands, so nothing can be said, and whoever asks must refuse. `overlaps`: part of what the name stands for
 * (a wildcard) lies within.
 */
export type Relation = "within" | "outside" | "overlaps" | "malformed";

/** Relates a name with a subtree of the same kind. Kinds whose constraints are not understood are `malformed`. */
export function relate(name: GeneralName, subtree: GeneralName): Relation {
  if (name.kind === "dns" && subtree.kind === "dns") return relateDns(name.value, subtree.value);
  if (name.kind === "email" && subtree.kind === "email") return relateEmail(name.value, subtree.value);
  if (name.kind === "uri" && subtree.kind === "uri") return relateUri(name.value, subtree.value);
  if (name.kind === "ip" && subtree.kind === "ip") return relateIp(name.value, subtree.value);
  if (name.kind === "directory" && subtree.kind === "directory")
    return relateDirectory(name.value, subtree.value);
  return "malformed";
}

/** Whether a subtree is one that its form allows at all; it is asked even where no name meets it. */
export function isWellFormedSubtree(subtree: GeneralName): boolean {
  switch (subtree.kind) {
    case "dns":
      return subtree.value === "" || isHost(withoutLeadingDot(subtree.value));
    case "email":
      return subtree.value.includes("@")
        ? splitMailbox(subtree.value) !== undefined
        : isHost(withoutLeadingDot(subtree.value));
    case "uri":
      return isHost(withoutLeadingDot(subtree.value));
    case "ip":
      return isAddressRange(subtree.value);
    default:
      return true;
  }
}

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const host = new RegExp(`^${label}(?:\\.${label})*$`, "i");
const isHost = (text: string): boolean => text.length <= 253 && host.test(text);
const withoutLeadingDot = (text: string): string => (text.startsWith(".") ? text.slice(1) : text);

/** Whether `name` is `base` or a host under it. */
const isUnder = (name: string, base: string): boolean => name === base || name.endsWith(`.${base}`);

function relateDns(name: string, subtree: string): Relation {
  const wildcard = name.startsWith("*.");
  const bare = (wildcard ? name.slice(2) : name).toLowerCase();
  // A trailing dot, an empty label or an inner wildcard may be read differently by whoever uses the name.
  if (!isHost(bare)) return "malformed";
  if (subtree === "") return "within";
  const base = withoutLeadingDot(subtree).toLowerCase();
  // ".example.com" is no DNS constraint of RFC 5280; it is widely issued and read as "hosts under example.com".
  if (subtree.startsWith(".")) {
    if (bare === base) return wildcard ? "within" : "overlaps";
  }
  if (isUnder(bare, base)) return "within";
  // CVE-2025-61727: "*.example.com" stands for hosts some of which "bar.example.com" holds.
  return wildcard && isUnder(base, bare) ? "overlaps" : "outside";
}

/** Local part as it stands, host in lower case. Quoted local parts with an @ inside are nobody's mailbox: malformed. */
function splitMailbox(mailbox: string): { local: string; host: string } | undefined {
  const [local, domain, ...more] = mailbox.split("@");
  if (!local || domain === undefined || more.length > 0 || !isHost(domain)) return undefined;
  return /^[\x21-\x7e]+$/.test(local) && !/["(),:;<>[\\\]]/.test(local)
    ? { local, host: domain.toLowerCase() }
    : undefined;
}

function relateEmail(name: string, subtree: string): Relation {
  const mailbox = splitMailbox(name);
  if (mailbox === undefined) return "malformed";
  if (subtree.includes("@")) {
    const exact = splitMailbox(subtree);
    if (exact === undefined) return "malformed";
    return exact.local === mailbox.local && exact.host === mailbox.host ? "within" : "outside";
  }
  return relateHost(mailbox.host, subtree);
}

/** A host name alone means that host; with a leading dot, every host under it and not itself (email and URI forms). */
function relateHost(name: string, subtree: string): Relation {
  const base = subtree.toLowerCase();
  const within = base.startsWith(".") ? name.endsWith(base) && name.length > base.length : name === base;
  return within ? "within" : "outside";
}

const uriAuthority = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:[\]]+)(?::[0-9]*)?(?:[/?#]|$)/i;
const ipv4 = /^[0-9.]+$/;

function relateUri(name: string, subtree: string): Relation {
  // RFC 5280 4.2.1.10: a URI without a host name (none at all, or an address) must be rejected.
  const authority = uriAuthority.exec(name)?.[1];
  if (authority === undefined || !isHost(authority) || ipv4.test(authority)) return "malformed";
  return relateHost(authority.toLowerCase(), subtree);
}

function relateIp(address: Uint8Array, range: Uint8Array): Relation {
  if ((address.length !== 4 && address.length !== 16) || !isAddressRange(range)) return "malformed";
  if (range.length !== address.length * 2) return "outside";
  const same = address.every((byte, i) => {
    const mask = range[address.length + i] as number;
    return (byte & mask) === ((range[i] as number) & mask);
  });
  return same ? "within" : "outside";
}

/** Address and mask of equal length; the mask in the style of RFC 4632: ones, then zeros. */
function isAddressRange(range: Uint8Array): boolean {
  if (range.length !== 8 && range.length !== 32) return false;
  const bits = [...range.subarray(range.length / 2)]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  return /^1*0*$/.test(bits);
}

/** RFC 5280 7.1: a DN is within a subtree when the subtree's RDNs are its first ones. */
function relateDirectory(name: Name, subtree: Name): Relation {
  const keys = name.rdnKeys;
  return subtree.rdnKeys.every((key, i) => keys[i] === key) ? "within" : "outside";
}
