import type { ClientOptions } from "../model/client-options.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import { checkClient, thumbprintsOf } from "./check-client.ts";
import { ClientCollisions } from "./client-collisions.ts";
import { client as clientSchema, name as nameSchema } from "./client-schema.ts";
import { describeIssues } from "./describe-issue.ts";
import type { Loose } from "./loose.ts";
import { type ConfigPath, formatPath, type Problem } from "./problem.ts";

/** A client that somebody wants in a registry: as in the configuration, and nothing about it is certain. */
export interface ClientRecord {
  readonly name: unknown;
  readonly value: unknown;
  /** 1-based, of a file. */
  readonly line?: number;
}

/** What is in the registry already. */
export interface PresentClients {
  readonly find: (name: string) => ClientOptions | undefined;
  /** @param hex lower-case */
  readonly ownerOf: (hex: string) => string | undefined;
  readonly withRules: () => Iterable<ClientOptions>;
}

/**
 * Reads clients for a registry by the configuration's own rules. All problems are reported; with any of them the
 * clients must not be stored. SHA-1 thumbprints are refused: a registry is for fleets, and SHA-1 collides.
 */
export function readClients(
  records: readonly ClientRecord[],
  present: PresentClients,
): { readonly clients: readonly ClientOptions[]; readonly problems: readonly Problem[] } {
  const clients: ClientOptions[] = [];
  const problems: Problem[] = [];
  const label = (path: ConfigPath): string => {
    const [first, ...rest] = path;
    if (typeof first !== "number") return `client ${formatPath(rest)} of the registry`;
    const record = records[first];
    return formatPath([typeof record?.name === "string" ? record.name : "", ...rest]);
  };
  const report = (path: ConfigPath, message: string, hint: string): void => {
    const line = typeof path[0] === "number" ? records[path[0]]?.line : undefined;
    problems.push({ path: label(path), message, hint, ...(line === undefined ? {} : { line }) });
  };
  const collisions = new ClientCollisions(report, label);
  const names = new Set<string>();
  let hasRules = false;

  for (const [index, { name, value, line }] of records.entries()) {
    const node: Loose = { path: [index], value };
    if (!nameSchema.safeParse(name).success)
      report(
        [index],
        "has no usable name",
        "A name has 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit.",
      );
    else if (names.has(String(name))) report([index], "stands twice", "Keep one of the two.");
    else if (present.find(String(name)) !== undefined)
      report([index], "is in the registry already", "Remove it first, or choose another name.");
    names.add(String(name));

    const parsed = clientSchema.safeParse(value);
    if (parsed.success) {
      clients.push({ name: String(name), ...parsed.data });
      hasRules ||= parsed.data.match !== undefined;
    } else
      for (const problem of describeIssues(clientSchema, parsed.error.issues, value, () => ({})))
        problems.push({
          ...problem,
          path: [label([index]), problem.path].filter((part) => part !== "").join("."),
          ...(line === undefined ? {} : { line }),
        });
    checkClient(node, false, report);
    for (const { node: thumbprint, written } of thumbprintsOf(node)) {
      const reading = readThumbprint(written);
      const owner = reading.ok ? present.ownerOf(reading.thumbprint.hex) : undefined;
      if (owner !== undefined)
        report(
          thumbprint.path,
          `stands on client ${owner} of the registry already`,
          "A certificate is one client.",
        );
    }
    collisions.add(String(name), node);
  }
  // Rules of old and new clients are compared in both directions; without new rules there is nothing to compare.
  if (hasRules)
    for (const { name, match } of present.withRules())
      collisions.add(name, { path: ["registry", name], value: { match } });
  collisions.finish();
  return { clients, problems: problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
}
