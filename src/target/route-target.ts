import { allow, deny, type Verdict } from "../model/verdict.ts";

/** The path and query that a pass-through request asks for at its backend. */
export interface RouteTarget {
  /** Origin-form, the route's prefix taken off. */
  readonly path: string;
}

/**
 * Reads the target of a request on a pass-through route. The backend's own paths are unknown here, so percent-encoding
 * is let through; whatever could mean another route there (RFC 3986 5.2.4, and what lenient servers make of it) is not.
 * @param url raw request target; it starts with `prefix`
 * @param prefix the route's prefix, with a slash at both ends
 */
export function readRouteTarget(url: string, prefix: string): Verdict<RouteTarget> {
  const [path = ""] = url.split("?", 1);
  const rule = brokenRule(path, url);
  if (rule !== undefined)
    return deny("request_malformed", `The request target ${rule}.`, [
      { check: "route-target", outcome: "fail", detail: rule },
    ]);
  return allow({ path: url.slice(prefix.length - 1) }, [
    { check: "route-target", outcome: "pass", detail: `route prefix ${prefix}` },
  ]);
}

function brokenRule(path: string, url: string): string | undefined {
  if (url.length > 8192) return "is longer than 8192 characters";
  if (!/^[\x21-\x7e]*$/.test(url) || url.includes("#"))
    return "holds a character that must be percent-encoded";
  if (path.includes("\\") || /%5c/i.test(path)) return "holds a backslash";
  if (path.includes(";")) return "holds a path parameter";
  if (/%2f/i.test(path)) return "holds an encoded slash";
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return "holds an encoded control byte";
  if (/%25/i.test(path)) return "is encoded twice";
  if (/%(?![0-9a-f]{2})/i.test(url)) return "holds a broken percent-encoding";
  if (path.includes("//")) return "holds an empty segment";
  // Overlong UTF-8 (%c0%ae for a dot) is not UTF-8, but lenient servers decode it all the same.
  if (!isUtf8(path)) return "is not UTF-8 once decoded";
  if (path.split("/").some((segment) => /^\.{1,2}$/.test(segment.replaceAll(/%2e/gi, "."))))
    return "holds a dot segment";
  return undefined;
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
