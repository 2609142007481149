import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { MatchOptions } from "../../src/model/client-options.ts";
import { readSelector } from "../../src/pki/selector/read-selector.ts";
import { SelectorIndex } from "../../src/pki/selector/selector-index.ts";
import { hostForm, mailboxForm, uriForm } from "../../src/pki/selector/name-forms.ts";
import { namesOf } from "../support/selector-names.ts";

/** Few labels, so that names and rules meet often. */
const label = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "A", "*") },
  { weight: 1, arbitrary: fc.constantFrom("ab", "a-b", "", ".", "..", "a*", "ü", "a\u0000") },
);
const joined = (separator: string, max: number) =>
  fc.array(label, { minLength: 1, maxLength: max }).map((parts) => parts.join(separator));
/** Mostly from a small pool, so that rules and names meet; the rest is anything. */
const mostly = (pool: readonly string[], anything: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...pool) }, { weight: 1, arbitrary: anything });
const dns = mostly(["a.b", "A.B", "b.b", "*.b", "a.a.b", "b"], joined(".", 3));
const uri = mostly(
  ["x://a/b", "X://A/b", "x://a/B", "x://a/*", "x://a/*/b", "x://a/b/b", "x:b"],
  fc.tuple(fc.constantFrom("x://", "X://", "x:"), joined("/", 3)).map((parts) => parts.join("")),
);
const email = mostly(
  ["a@b", "A@b", "a@B", "*@b", "a@b.b"],
  fc.tuple(label, joined(".", 3)).map((parts) => parts.join("@")),
);

const rule = fc
  .record({ sanDns: dns, sanUri: uri, sanEmail: email }, { requiredKeys: [] })
  .filter((match) => Object.keys(match).length > 0);
const names = fc.record({
  dns: fc.array(dns, { maxLength: 3 }),
  uri: fc.array(uri, { maxLength: 3 }),
  email: fc.array(email, { maxLength: 3 }),
});

const plain = (label_: string) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(label_);

/** Label by label and segment by segment, with no index and no shared code. */
const oracle = {
  sanDns(pattern: string, name: string): boolean {
    const [left, right] = [pattern, name].map((text) => text.toLowerCase().split("."));
    if (left === undefined || right === undefined || left.length !== right.length) return false;
    return right.every(
      (part, index) =>
        plain(part) && (part === left[index] || (index === 0 && left[0] === "*" && left.length > 1)),
    );
  },
  sanEmail(pattern: string, name: string): boolean {
    const [local, host] = pattern.split("@");
    const [nameLocal, nameHost, ...rest] = name.split("@");
    if (host === undefined || nameHost === undefined || rest.length > 0 || nameLocal === "") return false;
    if (!host.toLowerCase().split(".").every(plain)) return false;
    // A local part is made of atoms with dots between them, all of it printable ASCII.
    if (/[^\x21-\x7e]/.test(nameLocal ?? "") || nameLocal?.split(".").includes("")) return false;
    return host.toLowerCase() === nameHost.toLowerCase() && (local === "*" || local === nameLocal);
  },
  sanUri(pattern: string, name: string): boolean {
    if (/[^\x21-\x7e]/.test(name)) return false;
    const lower = (text: string) => {
      const [, scheme = "", authority = "", path = ""] = /^([^:]*:)(\/\/[^/]*)?(.*)$/s.exec(text) ?? [];
      return { origin: `${scheme}${authority}`.toLowerCase(), path, hasAuthority: authority !== "" };
    };
    const [left, right] = [lower(pattern), lower(name)];
    if (left.origin !== right.origin) return false;
    if (!left.path.split("/").includes("*")) return left.path === right.path;
    if (!left.hasAuthority) return false;
    const [wanted, found] = [left.path.split("/"), right.path.split("/")];
    if (wanted.length !== found.length) return false;
    return found.every(
      (part, index) =>
        index === 0 ||
        (part !== "" && part !== "." && part !== ".." && (wanted[index] === "*" || wanted[index] === part)),
    );
  },
};

const viewOf = (all: { dns: string[]; uri: string[]; email: string[] }) =>
  namesOf({
    dns: all.dns.flatMap((text) => hostForm(text) ?? []),
    uri: all.uri.flatMap((text) => uriForm(text) ?? []),
    email: all.email.flatMap((text) => {
      const mailbox = mailboxForm(text);
      return mailbox === undefined ? [] : `${mailbox.local}@${mailbox.host}`;
    }),
  });

const kinds = { sanDns: "dns", sanUri: "uri", sanEmail: "email" } as const;

function meets(match: MatchOptions, all: { dns: string[]; uri: string[]; email: string[] }): boolean {
  return (Object.keys(kinds) as (keyof typeof kinds)[]).every((key) => {
    const pattern = match[key];
    return pattern === undefined || all[kinds[key]].some((name) => oracle[key](pattern, name));
  });
}

it("an index of rules finds exactly the rules that a look at each of them finds", () => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 12 }), names, (rules, all) => {
      const index = new SelectorIndex<MatchOptions>();
      const taken = rules.filter((match) => {
        const reading = readSelector(match);
        if (reading.ok) index.add(reading.selector, match);
        return reading.ok;
      });
      const expected = taken.filter((match) => meets(match, all));
      found += expected.length;
      expect(index.find(viewOf(all))).toEqual(new Set(expected));
    }),
    { numRuns: 20_000 },
  );
  // Names and rules that never meet would prove nothing.
  expect(found).toBeGreaterThan(1000);
});
