/**
 * The text of a certificate's names in the forms in which they are compared. What is not exactly of its kind has no
 * form at all and so matches nothing: an embedded NUL, a wildcard inside a certificate, a trailing dot.
 */

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const hostSyntax = new RegExp(`^${label}(?:\\.${label})*$`);
/** RFC 5321 4.1.2 Dot-string, in ASCII: a quoted local part is nobody's mailbox here. */
const localPart = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
/** RFC 3986: every character that may stand in a URI, and a scheme before the first colon. */
const uriSyntax = /^[a-z][a-z0-9+.-]*:[\w.~!$&'()*+,;=:@/?#[\]%-]+$/i;
const hierarchical = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)\/([^?#]+)$/;

/** RFC 5280 7.2: without case. undefined: no host name. */
export function hostForm(text: string): string | undefined {
  const host = text.toLowerCase();
  return host.length <= 253 && hostSyntax.test(host) ? host : undefined;
}

/** RFC 5280 7.5: the local part as it stands, the host without case. */
export function mailboxForm(text: string): { readonly local: string; readonly host: string } | undefined {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(at, 0));
  const host = hostForm(text.slice(at + 1));
  return host !== undefined && localPart.test(local) ? { local, host } : undefined;
}

/** RFC 5280 7.4, RFC 3986 6.2.2.1: scheme and host without case, everything else as it stands. */
export function uriForm(text: string): string | undefined {
  if (!uriSyntax.test(text)) return undefined;
  const [, scheme = "", authority = "", rest = ""] = /^([^:]+:)(\/\/[^/?#]*)?(.*)$/.exec(text) ?? [];
  const host = authority.lastIndexOf("@") + 1;
  return scheme.toLowerCase() + authority.slice(0, host) + authority.slice(host).toLowerCase() + rest;
}

/** What stays the same when the first label of a host may be anything; undefined for a host of one label. */
export function hostParent(host: string): string | undefined {
  const dot = host.indexOf(".");
  return dot === -1 ? undefined : host.slice(dot + 1);
}

/**
 * What stays the same of a URI when one segment of its path may be anything, for each segment. `*` marks the place.
 * Nothing for URIs without an authority, or with a query or fragment; an empty or dot segment is never "anything".
 */
export function uriParents(uri: string): string[] {
  const [, origin = "", path] = hierarchical.exec(uri) ?? [];
  if (path === undefined) return [];
  const segments = path.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) return [];
  return segments.map((_, index) => `${origin}/${segments.with(index, "*").join("/")}`);
}
