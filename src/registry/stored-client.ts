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
export function fromRow({ name, thumbprints, rules, grants }: RegistryRow): ClientOptions {
  try {
    return {
      name,
      thumbprints: JSON.parse(thumbprints) as (string | EndingThumbprint)[],
      ...(rules === null ? {} : { match: JSON.parse(rules) as NonNullable<ClientOptions["match"]> }),
      ...(JSON.parse(grants) as Omit<ClientOptions, "name">),
    };
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
