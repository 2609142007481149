import { readIpAddress } from "../../model/ip-address.ts";
import { readThumbprint } from "../../model/thumbprint.ts";
import { prepareText } from "../directory-string.ts";
import { hostForm, mailboxForm, uriForm, uriParents } from "./name-forms.ts";
import { bad, exact, type PartReading, wildcard } from "./selector-part.ts";

/** `press-7.devices.contoso.example`, or `*.devices.contoso.example` for exactly one label more. */
export function readHost(text: string): PartReading {
  const open = text.startsWith("*.");
  const host = hostForm(open ? text.slice(2) : text);
  if (host === undefined)
    return bad("it is no host name; a wildcard is a whole first label, as in *.devices.example");
  return open ? wildcard(host) : exact(host);
}

/** `robot@devices.example`, or `*@devices.example` for any one mailbox there. */
export function readMailbox(text: string): PartReading {
  const open = text.startsWith("*@");
  const mailbox = mailboxForm(open ? `any${text.slice(1)}` : text);
  if (mailbox === undefined || (!open && mailbox.local.includes("*")))
    return bad("it is no e-mail address; a wildcard is the whole local part, as in *@devices.example");
  return open ? wildcard(mailbox.host) : exact(`${mailbox.local}@${mailbox.host}`);
}

/** `spiffe://contoso.example/line-3/press`, or with `*` as one whole segment of the path. */
export function readUri(text: string): PartReading {
  const uri = uriForm(text);
  if (uri === undefined) return bad("it is no absolute URI");
  if (!uri.includes("*")) return exact(uri);
  if (uri.split("*").length === 2 && uriParents(uri).includes(uri)) return wildcard(uri);
  return bad("a wildcard is one whole segment of the path, as in spiffe://contoso.example/*/press");
}

/** One address, never a range. */
export function readAddress(text: string): PartReading {
  const octets = readIpAddress(text);
  return octets === undefined ? bad("it is no IP address") : exact(Buffer.from(octets).toString("hex"));
}

/** SHA-256 over the SubjectPublicKeyInfo: 64 hex digits in any spelling, or base64 as in RFC 7469. */
export function readKeyHash(text: string): PartReading {
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return exact(Buffer.from(text, "base64").toString("hex"));
  const reading = readThumbprint(text);
  if (!reading.ok) return bad(reading.reason);
  return reading.thumbprint.algorithm === "sha256"
    ? exact(reading.thumbprint.hex)
    : bad("it has 40 hex digits; SHA-256 has 64");
}

/** Text of a subject attribute, compared as directory names are (RFC 5280 7.1). */
export function readAttribute(text: string): PartReading {
  const value = attributeForm(text);
  if (value === undefined || value === "") return bad("it holds nothing that can be compared");
  return text.startsWith("*")
    ? bad("wildcards stand in commonName, sanDns, sanEmail and sanUri only")
    : exact(value);
}

/** A common name: text, or a host name with a wildcard. */
export const readCommonName = (text: string): PartReading =>
  text.startsWith("*.") ? readHost(text) : readAttribute(text);

/**
 * undefined: not comparable. Preparation would drop control and format characters, so that two texts that differ
 * would be one: such text is never an identity.
 */
export const attributeForm = (text: string): string | undefined =>
  /[\p{Cc}\p{Cf}]/u.test(text) ? undefined : prepareText(text);
