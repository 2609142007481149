import type { GeneralName } from "./general-name.ts";

/**
 * A name in the shape in which it is compared with subtrees. Preparing costs a parse, comparing does not: a thousand
 * names meet a thousand subtrees.
 */
export type ComparableName =
  | { readonly kind: "dns"; readonly host: string; readonly wildcard: boolean }
  | { readonly kind: "email"; readonly local: string; readonly host: string }
  | { readonly kind: "uri"; readonly host: string }
  | { readonly kind: "ip"; readonly address: Uint8Array }
  | { readonly kind: "directory"; readonly rdnKeys: readonly string[] };

/** A subtree of name constraints (RFC 5280 4.2.1.10), prepared likewise. `under`: hosts under the base, not itself. */
export type Subtree =
  | { readonly kind: "dns"; readonly base: string; readonly under: boolean }
  | { readonly kind: "email"; readonly local?: string; readonly host: string; readonly under: boolean }
  | { readonly kind: "uri"; readonly host: string; readonly under: boolean }
  | { readonly kind: "ip"; readonly address: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: "directory"; readonly rdnKeys: readonly string[] };

/** `overlaps`: part of what the name stands for (a wildcard) lies within. */
export type Relation = "within" | "outside" | "overlaps";

/**
 * undefined: the name is not what its form demands, or of a form (otherName, x400, EDI, registeredID) whose constraints
 * are not understood. Nothing can be said about it then, and where it is constrained it must be refused.
 */
export function comparableName(name: GeneralName): ComparableName | undefined {
  switch (name.kind) {
    case "dns": {
      const wildcard = name.value.startsWith("*.");
      const host = (wildcard ? name.value.slice(2) : name.value).toLowerCase();
      // A trailing dot, an empty label or an inner wildcard may be read differently by whoever uses the name.
      return isHost(host) ? { kind: "dns", host, wildcard } : undefined;
    }
    case "email":
      return splitMailbox(name.value);
    case "uri": {
      // RFC 5280 4.2.1.10: a URI without a host name (none at all, or an address) must be refused.
      const host = uriAuthority.exec(name.value)?.[1]?.toLowerCase();
      return host === undefined || !isHost(host) || onlyNumbers.test(host)
        ? undefined
        : { kind: "uri", host };
    }
    case "ip":
      return name.value.length === 4 || name.value.length === 16
        ? { kind: "ip", address: name.value }
        : undefined;
    case "directory":
      return { kind: "directory", rdnKeys: name.value.rdnKeys };
    default:
      return undefined;
  }
}

/** undefined: malformed. `unsupported`: a form whose constraints are not understood, see `comparableName`. */
export function subtreeOf(base: GeneralName): Subtree | "unsupported" | undefined {
  switch (base.kind) {
    case "dns": {
      const { host, under } = splitHost(base.value);
      return host === ""
        ? under
          ? undefined
          : { kind: "dns", base: "", under }
        : hostOr(host, { kind: "dns", base: host, under });
    }
    case "email": {
      if (base.value.includes("@")) {
        const mailbox = splitMailbox(base.value);
        return mailbox && { ...mailbox, under: false };
      }
      const { host, under } = splitHost(base.value);
      return hostOr(host, { kind: "email", host, under });
    }
    case "uri": {
      const { host, under } = splitHost(base.value);
      return hostOr(host, { kind: "uri", host, under });
    }
    case "ip": {
      const half = base.value.length / 2;
      const mask = base.value.subarray(half);
      if ((half !== 4 && half !== 16) || !isContiguous(mask)) return undefined;
      return { kind: "ip", address: base.value.subarray(0, half), mask };
    }
    case "directory":
      return { kind: "directory", rdnKeys: base.value.rdnKeys };
    default:
      return "unsupported";
  }
}

/** How a name stands to a subtree of the same kind. Of different kinds: outside. */
export function relate(name: ComparableName, subtree: Subtree): Relation {
  if (name.kind === "dns" && subtree.kind === "dns") return relateDns(name, subtree);
  if (name.kind === "email" && subtree.kind === "email") {
    if (subtree.local !== undefined) return said(name.local === subtree.local && name.host === subtree.host);
    return said(isAtHost(name.host, subtree));
  }
  if (name.kind === "uri" && subtree.kind === "uri") return said(isAtHost(name.host, subtree));
  if (name.kind === "ip" && subtree.kind === "ip") return said(isInRange(name.address, subtree));
  // RFC 5280 7.1: a DN is within a subtree when the subtree's RDNs are its first ones.
  if (name.kind === "directory" && subtree.kind === "directory")
    return said(subtree.rdnKeys.every((key, i) => name.rdnKeys[i] === key));
  return "outside";
}

const said = (within: boolean): Relation => (within ? "within" : "outside");

function relateDns(
  { host, wildcard }: { readonly host: string; readonly wildcard: boolean },
  { base, under }: { readonly base: string; readonly under: boolean },
): Relation {
  if (base === "") return "within";
  // ".example.com" is no DNS constraint of RFC 5280; it is widely issued and means the hosts under example.com.
  // Whether example.com is meant as well is anybody's guess, so it is excluded where excluded, and not permitted.
  if (under && host === base) return wildcard ? "within" : "overlaps";
  if (host === base || isUnder(host, base)) return "within";
  // CVE-2025-61727: "*.example.com" stands for hosts some of which "bar.example.com" holds.
  return wildcard && isUnder(base, host) ? "overlaps" : "outside";
}

/** A host alone means that host; with a leading dot, every host under it and not itself (e-mail and URI forms). */
const isAtHost = (
  name: string,
  { host, under }: { readonly host: string; readonly under: boolean },
): boolean => (under ? isUnder(name, host) : name === host);

const isUnder = (name: string, base: string): boolean =>
  name.length > base.length + 1 && name.endsWith(base) && name[name.length - base.length - 1] === ".";

function isInRange(
  address: Uint8Array,
  range: { readonly address: Uint8Array; readonly mask: Uint8Array },
): boolean {
  if (address.length !== range.mask.length) return false;
  for (let i = 0; i < address.length; i += 1)
    if ((((address[i] as number) ^ (range.address[i] as number)) & (range.mask[i] as number)) !== 0)
      return false;
  return true;
}

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const hostSyntax = new RegExp(`^${label}(?:\\.${label})*$`, "i");
const isHost = (text: string): boolean => text.length <= 253 && hostSyntax.test(text);
const hostOr = <T>(host: string, subtree: T): T | undefined => (isHost(host) ? subtree : undefined);

function splitHost(value: string): { host: string; under: boolean } {
  const under = value.startsWith(".");
  return { host: (under ? value.slice(1) : value).toLowerCase(), under };
}

// RFC 3986 3.2, and no other character anywhere: browsers read "https://evil.test\\@good.test" as evil.test.
const uriAuthority =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[\w.~!$&'()*+,;=:%-]*@)?([\w.-]+)(?::[0-9]*)?(?:[/?#][\w.~!$&'()*+,;=:%@/?#[\]-]*)?$/i;
const onlyNumbers = /^[0-9.]+$/;
const plainLocalPart = /^[\x21\x23-\x27\x2a\x2b\x2d-\x39\x3d\x3f\x41-\x5a\x5e-\x7e]+$/;

/** The local part counts as it stands, the host without case. A quoted local part is nobody's mailbox here. */
function splitMailbox(mailbox: string): { kind: "email"; local: string; host: string } | undefined {
  const at = mailbox.indexOf("@");
  const local = mailbox.slice(0, Math.max(at, 0));
  const host = mailbox.slice(at + 1).toLowerCase();
  return plainLocalPart.test(local) && isHost(host) ? { kind: "email", local, host } : undefined;
}

/** Masks in the style of RFC 4632: ones, then zeros. */
function isContiguous(mask: Uint8Array): boolean {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits);
}
