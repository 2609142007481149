import { describe, expect, it } from "vitest";
import type { ClientOptions } from "../../../src/model/client-options.ts";
import { createRightsCompiler } from "../../../src/policy/client-entry.ts";
import type { CallerIdentity } from "../../../src/policy/client-index.ts";
import { compileClientIndex, matchIdentity } from "../../../src/policy/client-map.ts";
import { namesOf } from "../../support/selector-names.ts";

const sha256 = (digit: string) => digit.repeat(64);
const sha1 = (digit: string) => digit.repeat(40);
const now = Date.UTC(2026, 5, 1);
const client = (name: string, ...thumbprints: NonNullable<ClientOptions["thumbprints"]>): ClientOptions => ({
  name,
  thumbprints,
  deployments: ["gpt-4o"],
});
const nobody: CallerIdentity = { sha256: sha256("9"), sha1: sha1("9"), names: namesOf({}) };
const indexOf = (clients: readonly ClientOptions[], allowSha1 = true) =>
  compileClientIndex(clients, {
    allowSha1,
    rights: createRightsCompiler({ deployments: ["gpt-4o"], roles: {} }),
  });
const match = (clients: readonly ClientOptions[], identity: Partial<CallerIdentity>, at = now) =>
  matchIdentity({ ...nobody, ...identity }, at, [indexOf(clients)]);

describe("a map of thumbprints", () => {
  it("finds a client by its SHA-256 thumbprint, however it was written", () => {
    const verdict = match([client("robot", `\u200e${"AA:".repeat(31)}AA`)], { sha256: sha256("a") });
    expect(verdict).toMatchObject({ allowed: true, value: { entry: { name: "robot" } } });
    expect(verdict.trace).toMatchObject([{ check: "client-map", outcome: "pass" }]);
  });

  it.each(["a", "b"])("finds a client by its thumbprint of %s: a renewal overlaps", (digit) => {
    const clients = [client("robot", sha256("a"), sha256("b"))];
    expect(match(clients, { sha256: sha256(digit) })).toMatchObject({ allowed: true });
  });

  it("denies a certificate that no client has", () => {
    const verdict = match([client("robot", sha256("a"))], {});
    expect(verdict).toMatchObject({ allowed: false, code: "client_unknown" });
    expect(verdict.trace).toMatchObject([{ check: "client-map", outcome: "fail" }]);
  });

  it("finds a client by SHA-1 where it is switched on", () => {
    expect(match([client("robot", sha1("a"))], { sha1: sha1("a") })).toMatchObject({ allowed: true });
  });

  it("is not compiled with a SHA-1 thumbprint where it is switched off", () => {
    expect(() => indexOf([client("robot", sha1("a"))], false)).toThrow(/robot.*SHA-1/);
  });

  it("denies a certificate whose two thumbprints stand on two clients", () => {
    const clients = [client("robot", sha256("a")), client("crane", sha1("b"))];
    const verdict = match(clients, { sha256: sha256("a"), sha1: sha1("b") });
    expect(verdict).toMatchObject({ allowed: false, code: "client_ambiguous" });
  });

  it("does not name any client in a denial", () => {
    const clients = [client("robot", sha256("a")), client("crane", sha1("b"))];
    const verdict = match(clients, { sha256: sha256("a"), sha1: sha1("b") });
    expect(JSON.stringify(verdict)).not.toMatch(/robot|crane/);
  });

  it("allows a certificate whose two thumbprints stand on one client", () => {
    const clients = [client("robot", sha256("a"), sha1("b"))];
    expect(match(clients, { sha256: sha256("a"), sha1: sha1("b") })).toMatchObject({ allowed: true });
  });

  it("is not compiled with one thumbprint on two clients, in two spellings", () => {
    expect(() => indexOf([client("robot", sha256("a")), client("crane", sha256("A"))])).toThrow(
      /crane.*robot/,
    );
  });

  it("is not compiled with a malformed thumbprint", () => {
    expect(() => indexOf([client("robot", "abc")])).toThrow(/robot.*malformed/);
  });

  it.each(["", sha256("A")])(
    "matches no other spelling of what was computed from a certificate: %j",
    (hex) => {
      expect(match([client("robot", sha256("a"))], { sha256: hex })).toMatchObject({ allowed: false });
    },
  );
});

describe("a thumbprint with an end", () => {
  const until = new Date(now).toISOString();
  const clients = [client("robot", { thumbprint: sha256("a"), until }, sha256("b"))];

  it("counts up to its end, and the match says so", () => {
    expect(match(clients, { sha256: sha256("a") }, now - 1)).toMatchObject({
      allowed: true,
      value: { validUntil: now },
    });
  });

  it("does not count from its end on", () => {
    expect(match(clients, { sha256: sha256("a") }, now)).toMatchObject({ code: "client_unknown" });
  });

  it("does not end the client's other thumbprints", () => {
    expect(match(clients, { sha256: sha256("b") }, now)).toMatchObject({
      allowed: true,
      value: { validUntil: Number.POSITIVE_INFINITY },
    });
  });

  it("is not compiled with an end that is no time", () => {
    expect(() => indexOf([client("robot", { thumbprint: sha256("a"), until: "soon" })])).toThrow(/end/);
  });
});

describe("a map of rules", () => {
  const rules: ClientOptions[] = [
    { name: "press", match: [{ sanUri: "spiffe://plant.example/press" }, { sanDns: "press.plant.example" }] },
    { name: "fleet", match: [{ sanDns: "*.devices.example", issuer: { spkiSha256: sha256("c") } }] },
    { name: "line", match: [{ subject: { organizationalUnit: "Line 3" } }] },
  ];

  it.each([
    ["its URI", { uri: ["spiffe://plant.example/press"] }],
    ["its other rule", { dns: ["press.plant.example"] }],
  ])("finds a client by %s", (_, names) => {
    expect(match(rules, { names: namesOf(names) })).toMatchObject({ value: { entry: { name: "press" } } });
  });

  it("finds a client by a wildcard together with its issuer", () => {
    const names = namesOf({ dns: ["one.devices.example"], "issuer-spki": [sha256("c")] });
    expect(match(rules, { names })).toMatchObject({ value: { entry: { name: "fleet" } } });
  });

  it("asks for every part of a rule", () => {
    expect(match(rules, { names: namesOf({ dns: ["one.devices.example"] }) })).toMatchObject({
      code: "client_unknown",
    });
  });

  it("denies a certificate that meets the rules of two clients", () => {
    const names = namesOf({ dns: ["press.plant.example"], "subject:2.5.4.11": ["line 3"] });
    expect(match(rules, { names })).toMatchObject({ allowed: false, code: "client_ambiguous" });
  });

  it("denies a certificate that has one client's thumbprint and meets another's rule", () => {
    const clients = [...rules, client("robot", sha256("a"))];
    const names = namesOf({ dns: ["press.plant.example"] });
    expect(match(clients, { sha256: sha256("a"), names })).toMatchObject({ code: "client_ambiguous" });
  });

  it("takes two rules of one client for one client", () => {
    const names = namesOf({ uri: ["spiffe://plant.example/press"], dns: ["press.plant.example"] });
    expect(match(rules, { names })).toMatchObject({ allowed: true });
  });

  it("denies a certificate of too many names, which would make the lookup dear", () => {
    const many = Array.from({ length: 200 }, (_, index) => `n${index}.devices.example`);
    const pair: ClientOptions[] = [{ name: "pair", match: [{ sanDns: "a.example", sanUri: "x:y" }] }];
    const names = namesOf({ dns: many, uri: many.map((name) => `x:${name}`) });
    expect(match(pair, { names })).toMatchObject({ allowed: false, code: "client_unknown" });
  });

  it("is not compiled with a rule that is not understood", () => {
    const rule = { sanDns: "a.example", sanDsn: "b.example" };
    expect(() => indexOf([{ name: "x", match: [rule] }])).toThrow(/x: a match rule: sanDsn/);
  });
});

describe("several lists of clients", () => {
  const yaml = indexOf([client("robot", sha256("a"))]);
  const registry = indexOf([client("crane", sha256("a")), client("press", sha256("b"))]);
  const over = (identity: Partial<CallerIdentity>, contested?: ReadonlySet<string>) =>
    matchIdentity({ ...nobody, ...identity }, now, [yaml, registry], contested);

  it("are one map", () => {
    expect(over({ sha256: sha256("b") })).toMatchObject({ value: { entry: { name: "press" } } });
  });

  it("deny a certificate that two of them have", () => {
    expect(over({ sha256: sha256("a") })).toMatchObject({ code: "client_ambiguous" });
  });

  it("serve nobody under a name that two of them have", () => {
    expect(over({ sha256: sha256("b") }, new Set(["press"]))).toMatchObject({ code: "client_ambiguous" });
  });
});
