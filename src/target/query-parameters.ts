/** What a query may hold, and how each value must be spelt: no value needs percent-encoding but those listed so. */
export const queryParameters = {
  limit: /^[1-9][0-9]{0,2}$/,
  order: /^(?:asc|desc)$/,
  // Cursors. They select where a list goes on, and show nothing by themselves.
  after: /^[A-Za-z0-9_-]{1,128}$/,
  before: /^[A-Za-z0-9_-]{1,128}$/,
  /** In the spelling of the official clients; the only parameter that may stand several times, once for each value. */
  "include%5B%5D":
    /^(?:[a-z0-9_.]{1,64}|step_details\.tool_calls%5B(?:\*|%2A)%5D\.file_search\.results%5B(?:\*|%2A)%5D\.content)$/,
  stream: /^(?:true|false)$/,
  starting_after: /^[0-9]{1,9}$/,
  include_obfuscation: /^(?:true|false)$/,
  purpose: /^[a-z_-]{1,32}$/,
  filter: /^(?:in_progress|completed|failed|cancelled)$/,
  status: /^[a-z_]{1,16}$/,
  order_by: /^(?:created_at|updated_at)$/,
  variant: /^(?:video|thumbnail|spritesheet)$/,
  /** A run of the thread that the path names. */
  run_id: /^[A-Za-z0-9_-]{1,128}$/,
  // Deployments of a WebSocket.
  model: /^[A-Za-z0-9._-]{1,64}$/,
  deployment: /^[A-Za-z0-9._-]{1,64}$/,
} as const satisfies Readonly<Record<string, RegExp>>;

export type QueryParameter = keyof typeof queryParameters;

const apiVersionPattern = /^[A-Za-z0-9.-]{1,32}$/;

export type QueryReading =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string>; readonly query: string }
  | { readonly ok: false; readonly rule: string };

const none: ReadonlyMap<string, string> = new Map();
const empty: QueryReading = { ok: true, values: none, query: "" };

/**
 * Reads a query over an alphabet in which every parser sees the same names and values, each once.
 * @param query without its `?`; undefined when there is none
 * @param allowed beside `api-version`
 * @param versioned whether `api-version` is one
 */
export function readQuery(
  query: string | undefined,
  allowed: readonly QueryParameter[],
  versioned = true,
): QueryReading {
  if (query === undefined) return empty;
  const values = new Map<string, string>();
  for (const parameter of query.split("&")) {
    const equals = parameter.indexOf("=");
    const name = equals === -1 ? parameter : parameter.slice(0, equals);
    const value = equals === -1 ? "" : parameter.slice(equals + 1);
    const before = values.get(name);
    const known = name === "api-version" && versioned ? name : allowed.find((one) => one === name);
    if (known === undefined)
      return broken(
        /^[A-Za-z0-9_-]{1,32}$/.test(name)
          ? `the query parameter "${name}" is not accepted here`
          : `the query must hold ${[...(versioned ? ["one api-version"] : []), ...allowed].join(", ") || "nothing"} and nothing else`,
      );
    // No value holds a comma: that is how several are kept.
    if (before !== undefined && (known !== "include%5B%5D" || before.split(",").includes(value)))
      return broken(`the query parameter "${name}" must stand once`);
    if (known === "api-version") {
      if (!apiVersionPattern.test(value))
        return broken('the query parameter "api-version" must have 1 to 32 of A-Z a-z 0-9 . -');
    } else if (!queryParameters[known].test(value))
      return broken(`the query parameter "${name}" has a value that is not accepted`);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  // Each byte of it was held against a pattern: what is forwarded is what was read.
  return { ok: true, values, query };
}

const broken = (rule: string): QueryReading => ({ ok: false, rule });
