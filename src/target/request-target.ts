/** A request target in its one spelling, or the rule that it breaks. */
export type RequestTargetReading =
  /** `query` as it stands, without `?`; undefined when there is no `?`. It is held against an operation later. */
  | { readonly ok: true; readonly path: string; readonly query: string | undefined }
  | { readonly ok: false; readonly rule: string };

/** Longer than any path of the table with the longest names and its query. */
const longestTarget = 2048;

/**
 * Reads `req.url`: origin-form (RFC 9112 3.2.1) over an alphabet in which every parser sees the same path. There is no
 * percent-encoding in it, because no name of the surface needs one: what two decoders could disagree on is refused.
 */
export function readRequestTarget(url: string): RequestTargetReading {
  if (url.length > longestTarget)
    return broken(`the request target is longer than ${longestTarget} characters`);
  if (url.charCodeAt(0) !== slash) return broken("the request target must be an absolute path (origin-form)");
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const rule = brokenPathRule(path);
  if (rule !== undefined) return broken(rule);
  return { ok: true, path, query: mark === -1 ? undefined : url.slice(mark + 1) };
}

const slash = 0x2f;
const dot = 0x2e;

/** The forbidden spellings that have a name: the message says which trick it was. */
const named: Readonly<Record<string, string>> = {
  "%": "percent-encoding",
  "\\": "a backslash",
  ";": "a path parameter (;)",
  "#": "a fragment (#)",
  " ": "a space",
};

function brokenPathRule(path: string): string | undefined {
  let segmentStart = 1;
  for (let at = 1; at <= path.length; at += 1) {
    const code = at === path.length ? slash : path.charCodeAt(at);
    if (code === slash) {
      // A segment ends here. Empty: `//` or a trailing slash. A last dot: `.`, `..`, or a name that some file
      // systems and proxies read without it.
      if (at === segmentStart) return "the path must not hold an empty segment or end with a slash";
      if (path.charCodeAt(at - 1) === dot)
        return "the path must not hold dot segments, and no segment may end with a dot";
      segmentStart = at + 1;
    } else if (!isPathByte(code)) {
      const character = path.charAt(at);
      const what =
        named[character] ??
        (code < 0x20 || code === 0x7f
          ? "a control character"
          : code > 0x7f
            ? "a byte outside ASCII"
            : `the character ${character}`);
      return `the path must not hold ${what}`;
    }
  }
  return undefined;
}

const isPathByte = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || // a-z
  (code >= 0x30 && code <= 0x39) || // 0-9
  (code >= 0x41 && code <= 0x5a) || // A-Z
  code === 0x2d || // -
  code === 0x2e || // .
  code === 0x5f; // _

const broken = (rule: string): RequestTargetReading => ({ ok: false, rule });
