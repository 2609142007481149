import { GatewayError } from "../kernel/errors.ts";
import type { ClientOptions, EndingThumbprint } from "../model/client-options.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import type { RegistryRow } from "./ports.ts";

/** A client as texts. Thumbprints get their one spelling; the order of keys is fixed, so that equal rights are equal. */
export function toRow(client: ClientOptions): RegistryRow {
  const { name, thumbprints = [], match, ...grants } = client;
  const { deployments, routes, roles, operations, apiVersions, sourceNetworks, hours } = grants;
  return {
    name,
    thumbprints: JSON.stringify(
      thumbprints.map((one) =>
        typeof one === "string"
          ? canonical(name, one)
          : { thumbprint: canonical(name, one.thumbprint), until: one.until },
      ),
    ),
    rules: match === undefined || match.length === 0 ? null : JSON.stringify(match),
    grants: JSON.stringify({ deployments, routes, roles, operations, apiVersions, sourceNetworks, hours }),
  };
}

/** The reverse. Whether it makes sense is for the reader to check. @throws GatewayError where a text is no JSON */
export const fromRow = (row: RegistryRow): ClientOptions => ({
  ...identityFromRow(row),
  ...grantsFromRow(row),
});

/** What a client is recognised by. */
export const identityFromRow = ({
  name,
  thumbprints,
  rules,
}: RegistryRow): Pick<ClientOptions, "name" | "thumbprints" | "match"> => ({
  name,
  thumbprints: parse(name, thumbprints) as (string | EndingThumbprint)[],
  ...(rules === null ? {} : { match: parse(name, rules) as NonNullable<ClientOptions["match"]> }),
});

/** What it may. */
export const grantsFromRow = ({ name, grants }: RegistryRow): Omit<ClientOptions, "name"> =>
  parse(name, grants) as Omit<ClientOptions, "name">;

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GatewayError("internal_error", `registry: client ${name} is damaged`, { cause });
  }
}

/** The hex digits of every thumbprint of a client. */
export const thumbprintsOf = ({ name, thumbprints = [] }: ClientOptions): string[] =>
  thumbprints.map((one) => canonical(name, typeof one === "string" ? one : one.thumbprint));

function canonical(name: string, text: string): string {
  const reading = readThumbprint(text);
  if (!reading.ok)
    throw new GatewayError(
      "internal_error",
      `registry: client ${name}: a thumbprint is malformed: ${reading.reason}`,
    );
  return reading.thumbprint.hex;
}
