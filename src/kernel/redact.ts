import { describeFault } from "./errors.ts";

/**
 * The second line of defence for everything that is written down. The first is that no room hands a secret to a
 * log; this one takes out what looks like one anyway. It fails towards hiding too much: a harmless string under
 * a name such as `secret` is hidden too, so name such fields differently (`source`, `vault`).
 */
const secretName =
  /authorization|api[-_]?key|subscription[-_]?key|token|cookie|password|passphrase|secret|private[-_]?key/i;

const secretInText =
  /\b(bearer|basic)\s+[\w~+/.=-]{8,}|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)|\b([\w-]*(?:api[-_]?key|subscription[-_]?key|token|secret|assertion|password|sig))=[^&\s"']+/gi;

/**
 * What every match of the above holds at least one of (a key in PEM holds a space): most texts are told by this alone, in
 * a tenth of the time.
 */
const mayHoldSecret = /[\s=]|[yY][jJ]/;

/** Stands where a secret stood. */
export const redacted = "[redacted]";

/** The text without bearer tokens, JWTs, private keys in PEM, and query parameters that carry a secret. */
export function redactText(text: string): string {
  if (!mayHoldSecret.test(text)) return text;
  return text.replace(secretInText, (_all, scheme?: string, parameter?: string) => {
    if (scheme !== undefined) return `${scheme} ${redacted}`;
    return parameter === undefined ? redacted : `${parameter}=${redacted}`;
  });
}

/** The same of a text in JSON, where what is white in a string may be escaped. */
const mayHoldSecretInJson = /[\s=\\]|[yY][jJ]/;

/** Which names look secret: a log has few, and each line has all of them. */
const knownNames = new Map<string, boolean>();
const mostKnownNames = 1000;

function looksSecret(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const looks = secretName.test(name);
  if (knownNames.size < mostKnownNames) knownNames.set(name, looks);
  return looks;
}

/** Deeper than any record here; also what ends a cycle. */
const deepest = 6;

/**
 * A plain copy to write down: strings and objects under a secret-looking name are replaced, errors become
 * `{type, code, message, stack}` (an SDK's error also carries its request, with its headers), bytes become
 * their length. Numbers and booleans pass under any name: `outputTokens: 12` is no secret.
 */
export function redactFields(fields: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  const named = (fields instanceof Error ? { err: fields } : fields) as Record<string, unknown>;
  // The keys alone: pairs would be an array each, and a line is made for each request.
  for (const name of Object.keys(named)) copy[name] = redactNamed(name, named[name], 1);
  return copy;
}

/** What a line of a log begins with, none of it from outside. */
export interface LineStart {
  readonly level: string;
  readonly time: string;
  readonly worker?: number;
}

/** Fields of a line that is written for each request: asked for when the line is, and most often told as text at once. */
export abstract class QuickFields {
  /** What the line says, to be looked at. None has a name that stands in a line anyway, or looks secret. */
  abstract fields(): object;
  /** The same as JSON, without its braces; undefined where a text has to be escaped in it. */
  abstract plainJson(): string | undefined;
}

/**
 * A line of a log, as JSON: what it begins with, which is harmless, the fields, and `msg`. It says what `redactFields`
 * and `redactText` leave of them. Most lines hold no secret, and that is told of the whole line at once.
 */
export function redactedLine(before: LineStart, fields: object, message: string): string {
  const isQuick = fields instanceof QuickFields;
  const plain = isQuick ? fields.plainJson() : plainJson(before, fields);
  const text = redactText(message);
  if (plain !== undefined && !mayHoldSecretInJson.test(plain)) {
    const comma = plain === "" ? "" : ",";
    return `${startJson(before)}${comma}${plain},"msg":${JSON.stringify(text)}}`;
  }
  if (isQuick) return redactedLine(before, fields.fields(), message);
  return JSON.stringify({ ...before, ...redactFields(fields), msg: text });
}

const startJson = ({ level, time, worker }: LineStart): string =>
  `{"level":"${level}","time":"${time}"${worker === undefined ? "" : `,"worker":${worker}`}`;

/** The fields as JSON, without its braces; undefined where one of them has to be looked at more closely. */
function plainJson(before: LineStart, fields: object): string | undefined {
  if ("toJSON" in fields || fields instanceof Error) return undefined;
  for (const name of Object.keys(fields)) {
    const value: unknown = fields[name as never];
    const isHarmless =
      value === undefined ||
      typeof value === "number" ||
      typeof value === "boolean" ||
      (typeof value === "string" && !looksSecret(name));
    if (!isHarmless || name === "msg" || name in before) return undefined;
  }
  return JSON.stringify(fields).slice(1, -1);
}

function redactNamed(name: string, value: unknown, depth: number): unknown {
  const harmless =
    value === undefined || value === null || typeof value === "number" || typeof value === "boolean";
  if (harmless) return value;
  return looksSecret(name) ? redacted : redactValue(value, depth);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "[function]";
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return redactError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= deepest) return "[deeper]";
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) copy[name] = redactNamed(name, item, depth + 1);
  return copy;
}

function redactError(error: Error): Record<string, unknown> {
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  const stack = error.stack === undefined ? {} : { stack: redactText(error.stack) };
  return { type: error.name, ...code, message: redactText(describeFault(error)), ...stack };
}
