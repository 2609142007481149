import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type LeafOptions } from "../../../src/dev/pki/authority.ts";
import { oid, sequence, set, tlv } from "../../../src/dev/pki/der.ts";
import { codeOf, decide } from "./support/decide.ts";

type Base = Uint8Array;
const text =
  (tag: number) =>
  (value: string): Base =>
    tlv(tag, Buffer.from(value));
const [email, dns, uri] = [text(0x81), text(0x82), text(0x86)];
const ip = (...octets: number[]): Base => tlv(0x87, Buffer.from(octets));
const common = (value: string) => set(sequence(oid("2.5.4.3"), tlv(0x0c, Buffer.from(value))));
const directory = (...names: string[]): Base => tlv(0xa4, sequence(...names.map(common)));
const subtrees = (tag: number, bases: Base[]) =>
  bases.length === 0 ? [] : [tlv(tag, ...bases.map((base) => sequence(base)))];
const constraints = (permitted: Base[], excluded: Base[] = []) => ({
  oid: "2.5.29.30",
  critical: true,
  value: sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded)),
});

let root: Authority;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
});

/** The check that fails for a leaf with these names under a CA with these constraints, or `allowed`. */
async function judge(
  names: Base[],
  permitted: Base[],
  excluded: Base[] = [],
  options: Partial<LeafOptions> = {},
) {
  const ca = await createAuthority({
    subject: "CN=CA",
    issuer: root,
    extraExtensions: [constraints(permitted, excluded)],
  });
  const san = { oid: "2.5.29.17", critical: false, value: sequence(...names) };
  const leaf = await ca.issue({
    subject: "CN=robot",
    ...options,
    extraExtensions: names.length === 0 ? [] : [san],
  });
  const verdict = decide({ leaf, candidates: [ca], anchors: [root] });
  return verdict.allowed ? "allowed" : verdict.trace.find(({ outcome }) => outcome === "fail")?.check;
}

const refused = "name-constraints";

describe("name constraints", () => {
  it.each<[Base, Base, string]>([
    [dns("a.example.com"), dns("example.com"), "allowed"],
    [dns("EXAMPLE.com"), dns("example.COM"), "allowed"],
    [dns("badexample.com"), dns("example.com"), refused],
    [dns("example.com"), dns(""), "allowed"],
    [dns("a.example.com"), dns(".example.com"), "allowed"],
    [dns("example.com"), dns(".example.com"), refused],
    [dns("*.example.com"), dns("example.com"), "allowed"],
    [dns("*.example.com"), dns("a.example.com"), refused],
    [dns("example.com."), dns("example.com"), refused],
    [dns(".example.com"), dns("example.com"), refused],
    [dns("a*.example.com"), dns("example.com"), refused],
    [email("a@example.com"), email("example.com"), "allowed"],
    [email("a@sub.example.com"), email("example.com"), refused],
    [email("a@sub.example.com"), email(".example.com"), "allowed"],
    [email("a@example.com"), email(".example.com"), refused],
    [email("a@EXAMPLE.com"), email("a@example.com"), "allowed"],
    [email("A@example.com"), email("a@example.com"), refused],
    [email("*@example.com"), email("*@example.com"), "allowed"],
    [email("a@example.com"), email("*@example.com"), refused],
    [email('"a@b"@example.com'), email("example.com"), refused],
    [uri("https://u@a.example.com:8/x?y"), uri(".example.com"), "allowed"],
    [uri("https://a.example.com"), uri("a.example.com"), "allowed"],
    [uri("https://b.example.com"), uri("a.example.com"), refused],
    [uri("https://10.0.0.1/"), uri("example.com"), refused],
    [uri("https://[::1]/"), uri("example.com"), refused],
    [uri("urn:example:a"), uri("example.com"), refused],
    [uri("https://evil.test\\@a.example.com/"), uri("a.example.com"), refused],
    [ip(192, 0, 2, 1), ip(192, 0, 2, 0, 255, 255, 255, 0), "allowed"],
    [ip(192, 0, 3, 1), ip(192, 0, 2, 0, 255, 255, 255, 0), refused],
    [ip(192, 0, 2, 1, 255, 255, 255, 255), ip(192, 0, 2, 0, 255, 255, 255, 0), refused],
    [ip(...Buffer.alloc(16)), ip(192, 0, 2, 0, 255, 255, 255, 0), refused],
  ])("permitted: %# judges the name by the subtree", async (name, base, outcome) => {
    expect(await judge([name], [base])).toBe(outcome);
  });

  it.each<[Base, Base, string]>([
    [dns("a.example.com"), dns("example.com"), refused],
    [dns("example.org"), dns("example.com"), "allowed"],
    [dns("example.com"), dns(".example.com"), refused],
    [dns("*.example.com"), dns("bar.example.com"), refused],
    [dns("*.example.com"), dns("example.org"), "allowed"],
    [dns("example..com"), dns("example.org"), refused],
    [email("a@example.com"), email("example.com"), refused],
    [ip(192, 0, 2, 1), ip(192, 0, 2, 0, 255, 255, 255, 0), refused],
    [ip(192, 0, 2, 1), dns("example.com"), "allowed"],
  ])("excluded: %# judges the name by the subtree", async (name, base, outcome) => {
    expect(await judge([name], [], [base])).toBe(outcome);
  });

  it("apply to the subject", async () => {
    expect(await judge([], [directory("robot")])).toBe("allowed");
    expect(await judge([], [directory("other")])).toBe(refused);
    expect(await judge([], [], [directory("ROBOT")])).toBe(refused);
  });

  it("apply to e-mail addresses in the subject, also beside a subjectAltName without one", async () => {
    const subject = { subject: "E=a@example.org" };
    expect(await judge([], [email("example.com")], [], subject)).toBe(refused);
    expect(await judge([dns("x.test")], [email("example.com")], [], subject)).toBe(refused);
  });

  it("let excluded win over permitted", async () => {
    expect(await judge([dns("a.example.com")], [dns("example.com")], [dns("a.example.com")])).toBe(refused);
  });

  it.each<[string, Base]>([
    ["a DNS wildcard", dns("*.example.com")],
    ["an e-mail address with two @", email("a@b@example.com")],
    ["a mask with holes", ip(10, 0, 0, 0, 255, 0, 255, 0)],
    ["a mask of another length", ip(10, 0, 0, 0, 255)],
  ])("refuse everything under a CA with %s as a subtree", async (_, base) => {
    expect(await judge([], [], [base])).toBe(refused);
  });

  it("refuse names of a form whose constraints are not understood, and no others", async () => {
    const other = tlv(0xa0, oid("1.2.3"), tlv(0xa0, tlv(0x0c, Buffer.from("x"))));
    expect(await judge([other], [], [other])).toBe(refused);
    expect(await judge([other], [other])).toBe(refused);
    expect(await judge([dns("x.test")], [], [other])).toBe("allowed");
  });

  it("on e-mail addresses refuse the international form, which is not understood", async () => {
    const smtp = tlv(0xa0, oid("1.3.6.1.5.5.7.8.9"), tlv(0xa0, tlv(0x0c, Buffer.from("ü@example.com"))));
    expect(await judge([smtp], [email("example.com")])).toBe(refused);
    expect(await judge([smtp], [dns("example.com")])).toBe("allowed");
  });

  it("of an anchor bind everything below it", async () => {
    const narrow = await createAuthority({
      subject: "CN=Narrow",
      extraExtensions: [constraints([dns("example.com")])],
    });
    const leaf = await narrow.issue({
      subject: "CN=x",
      subjectAltNames: [{ type: "dns", value: "example.org" }],
    });
    expect(codeOf(decide({ leaf, anchors: [narrow] }))).toBe("client_certificate_invalid");
  });

  it("compare a thousand names with a thousand subtrees in less than a second, and refuse beyond the budget", async () => {
    const bases = Array.from({ length: 1000 }, (_, i) => dns(`n${i}.test`));
    const names = Array.from({ length: 1000 }, (_, i) => dns(`x.n${i}.example`));
    const start = performance.now();
    expect(await judge(names, [], bases)).toBe("allowed");
    expect(await judge([...names, ...names], [], bases)).toBe(refused);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
