import type { MatchOptions } from "../model/client-options.ts";
import { readNetwork } from "../model/network.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import { readTimeWindow, type TimeWindowOptions, weekdays } from "../model/time-window.ts";
import { readSelector, type Selector } from "../pki/selector/read-selector.ts";
import { at, entries, isNothing, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";

/** Whatever can be said about one client by itself, wherever it stands: in the configuration, a registry, an import. */
export function checkClient(client: Loose, allowSha1: boolean, report: Report): void {
  if (!isMapping(client)) return;
  if (["thumbprints", "match"].every((key) => at(client, key).value === undefined))
    report(
      client.path,
      "is recognised by nothing: it has neither thumbprints nor match rules",
      "Add the thumbprint of its certificate, or a rule under `match`.",
    );
  if (["deployments", "routes", "roles"].every((key) => isNothing(at(client, key))))
    report(
      client.path,
      "may use nothing: it has neither deployments nor routes nor roles",
      "Add what it may use, or remove the client.",
    );
  for (const { node, written } of thumbprintsOf(client)) checkThumbprint(node, written, allowSha1, report);
  for (const rule of items(at(client, "match"))) {
    const reading = selectorOf(rule);
    if (reading?.ok === false)
      for (const { path, reason } of reading.problems)
        report(
          [...rule.path, ...path],
          path.length === 0 ? reason : `cannot be matched: ${reason}`,
          "docs/clients.md has every form of a rule.",
        );
  }
  checkGrant(client, report);
}

/** What a client and a role have in common. */
export function checkGrant(node: Loose, report: Report): void {
  const deployments = items(at(node, "deployments"));
  const star = deployments.find((item) => text(item) === "*");
  if (star !== undefined && deployments.length > 1)
    report(star.path, '"*" stands beside names', 'Write ["*"] alone for every deployment, or the names.');
  for (const network of items(at(node, "sourceNetworks"))) {
    const written = text(network);
    const reading = written === undefined ? undefined : readNetwork(written);
    if (reading?.ok === false)
      report(network.path, `is no network: ${reading.reason}`, "Write it as 10.20.0.0/16 or 2001:db8::/32.");
  }
  for (const window of items(at(node, "hours"))) {
    if (!isWindow(window.value)) continue;
    const reading = readTimeWindow(window.value);
    if (!reading.ok)
      report(
        [...window.path, reading.key],
        reading.reason,
        'Write hours as { days: [mon], from: "06:00", to: "22:00", timeZone: Europe/Berlin }.',
      );
  }
}

/** The thumbprints of a client with their texts; a form that is wrong is left to the schema. */
export const thumbprintsOf = (client: Loose): readonly { readonly node: Loose; readonly written: string }[] =>
  items(at(client, "thumbprints")).flatMap((item) => {
    const node = text(item) === undefined ? at(item, "thumbprint") : item;
    const written = text(node);
    return written === undefined ? [] : [{ node, written }];
  });

/** The rules of a client that can be read. */
export const selectorsOf = (
  client: Loose,
): readonly { readonly node: Loose; readonly selector: Selector }[] =>
  items(at(client, "match")).flatMap((node) => {
    const reading = selectorOf(node);
    return reading?.ok === true ? [{ node, selector: reading.selector }] : [];
  });

/** Undefined where the rule's shape is wrong, which the schema reports. */
function selectorOf(rule: Loose) {
  if (!isMapping(rule)) return undefined;
  const shaped = [...entries(rule), ...entries(at(rule, "subject")), ...entries(at(rule, "issuer"))].every(
    ([key, { value }]) =>
      typeof value === "string" ||
      ((key === "subject" || key === "issuer") && typeof value === "object" && value !== null),
  );
  return shaped ? readSelector(rule.value as MatchOptions) : undefined;
}

function checkThumbprint(node: Loose, written: string, allowSha1: boolean, report: Report): void {
  const reading = readThumbprint(written);
  if (!reading.ok)
    report(
      node.path,
      `is not a thumbprint: ${reading.reason}`,
      "Print it with: openssl x509 -in client.pem -noout -fingerprint -sha256",
    );
  else if (reading.thumbprint.algorithm === "sha1" && !allowSha1)
    report(
      node.path,
      "is a SHA-1 thumbprint, and SHA-1 thumbprints are switched off",
      "Use the SHA-256 thumbprint; or write `identity: { allowSha1Thumbprints: true }` and accept that SHA-1 collides.",
    );
}

const isMapping = ({ value }: Loose): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isWindow(value: unknown): value is TimeWindowOptions {
  if (typeof value !== "object" || value === null) return false;
  const { days, from, to, timeZone } = value as Readonly<Record<string, unknown>>;
  return (
    Array.isArray(days) &&
    days.length > 0 &&
    days.every((day) => (weekdays as readonly unknown[]).includes(day)) &&
    [from, to, timeZone].every((part) => typeof part === "string")
  );
}
