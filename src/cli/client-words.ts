import { readFile } from "node:fs/promises";
import { hash } from "node:crypto";
import { decodePemOrDer } from "../pki/pem.ts";
import { UsageError } from "./command.ts";

/** The options of `certgate client add` that say what a client is and may, as in the configuration. */
export const clientOptions = [
  "thumbprint",
  "cert",
  "match",
  "deployments",
  "routes",
  "roles",
  "operations",
  "api-versions",
  "source-networks",
  "hours",
] as const;

type Values = Partial<Record<(typeof clientOptions)[number], string>>;

/** The client as the configuration would have it; its checks are not made here. @throws UsageError */
export async function clientFromWords(values: Values): Promise<Record<string, unknown>> {
  const thumbprints = await thumbprintsFromWords(values);
  const lists = {
    deployments: values.deployments,
    routes: values.routes,
    roles: values.roles,
    operations: values.operations,
    apiVersions: values["api-versions"],
    sourceNetworks: values["source-networks"],
  };
  return {
    ...(thumbprints.length === 0 ? {} : { thumbprints }),
    ...(values.match === undefined ? {} : { match: jsonList(values.match, "match") }),
    ...Object.fromEntries(
      Object.entries(lists).flatMap(([key, text]) =>
        text === undefined ? [] : [[key, splitList(text, ",")]],
      ),
    ),
    ...(values.hours === undefined ? {} : { hours: jsonList(values.hours, "hours") }),
  };
}

/** From `--thumbprint` (several with commas) and `--cert` (the first certificate of a PEM or DER file). */
export async function thumbprintsFromWords({
  thumbprint,
  cert,
}: Pick<Values, "thumbprint" | "cert">): Promise<string[]> {
  const written = thumbprint === undefined ? [] : splitList(thumbprint, ",");
  if (cert === undefined) return written;
  try {
    const [leaf] = decodePemOrDer(await readFile(cert), "CERTIFICATE");
    if (leaf === undefined) throw new Error("it holds no certificate");
    return [...written, hash("sha256", leaf, "hex")];
  } catch (fault) {
    throw new UsageError(`--cert ${cert}: ${(fault as Error).message}.`);
  }
}

/** The parts of a list, without the spaces around them. */
export const splitList = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `14d`, `12h`, `30m` or `0`, in milliseconds. @throws UsageError */
export function durationFrom(text: string, option: string): number {
  const [, count = "", unit = "m"] = /^(0|[1-9]\d{0,4})([mhd])?$/.exec(text) ?? [];
  const ms = Number(count) * (units[unit] ?? Number.NaN);
  if (count === "" || (ms !== 0 && !/[mhd]$/.test(text)))
    throw new UsageError(`--${option} must be a time like 14d, 12h, 30m or 0, not "${text}".`);
  return ms;
}

function jsonList(text: string, option: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (fault) {
    throw new UsageError(`--${option} is no JSON: ${(fault as Error).message}.`);
  }
}
