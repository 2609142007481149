import { beforeAll, describe, expect, it } from "vitest";
import { createAuthority, type Authority, type LeafOptions } from "../../../../src/dev/pki/authority.ts";
import type { MatchOptions } from "../../../../src/model/client-options.ts";
import { parseCertificate } from "../../../../src/pki/certificate.ts";
import { createCrlIndex } from "../../../../src/pki/revocation.ts";
import { readSelector } from "../../../../src/pki/selector/read-selector.ts";
import { SelectorIndex } from "../../../../src/pki/selector/selector-index.ts";
import { viewOfPath } from "../../../../src/pki/selector/selector-view.ts";
import { defaultPathRules, verifyPath } from "../../../../src/pki/verify-path.ts";

// The test PKI writes a name in the order of its DER, RFC 4514 in the reverse.
let root: Authority;
let plant: Authority;
beforeAll(async () => {
  root = await createAuthority({ subject: "O=Contoso,CN=Root" });
  plant = await createAuthority({ subject: "O=Contoso,CN=Plant CA", issuer: root });
});

/** Whether a verified certificate meets a rule. */
async function meets(options: LeafOptions, rule: MatchOptions, issuer = plant): Promise<boolean> {
  const issued = await issuer.issue(options);
  const verdict = verifyPath({
    leaf: issued.certificate,
    candidates: issued.chain.slice(1),
    anchors: [parseCertificate(root.certificate)],
    at: Date.now(),
    rules: defaultPathRules,
    revocation: { mode: "off", graceMs: 0, crls: createCrlIndex([]) },
  });
  if (!verdict.allowed) throw new Error(verdict.detail);
  const reading = readSelector(rule);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  const index = new SelectorIndex<object>();
  const owner = {};
  index.add(reading.selector, owner);
  return index.find(viewOfPath(verdict.value))?.has(owner) === true;
}
const dns = (...values: string[]): LeafOptions => ({
  subject: "CN=x",
  subjectAltNames: values.map((value) => ({ type: "dns", value })),
});
const uri = (value: string): LeafOptions => ({
  subject: "CN=x",
  subjectAltNames: [{ type: "url", value }],
});
const mail = (value: string): LeafOptions => ({
  subject: "CN=x",
  subjectAltNames: [{ type: "email", value }],
});

describe("a DNS name", () => {
  it.each<[string, string, boolean]>([
    ["press.a.example", "PRESS.A.example", true],
    ["press.a.example", "press.a.example.b", false],
    ["press.a.example", "a.example", false],
    ["press.a.example", "*.a.example", true],
    ["one.press.a.example", "*.a.example", false],
    ["a.example", "*.a.example", false],
    ["press.ba.example", "*.a.example", false],
    ["*.a.example", "*.a.example", false],
    ["press.a.example.", "press.a.example", false],
  ])("%s meets the rule %s: %s", async (name, sanDns, met) => {
    expect(await meets(dns(name), { sanDns })).toBe(met);
  });

  it("may be any of several", async () => {
    expect(await meets(dns("b.example", "press.a.example"), { sanDns: "press.a.example" })).toBe(true);
  });

  it("with an embedded NUL meets nothing", async () => {
    const name = "press.a.example\u0000.evil.example";
    expect(await meets(dns(name), { sanDns: "press.a.example" })).toBe(false);
    expect(await meets(dns(name), { sanDns: "*.evil.example" })).toBe(false);
  });

  it("is not looked for in the common name", async () => {
    expect(await meets({ subject: "CN=press.a.example" }, { sanDns: "press.a.example" })).toBe(false);
  });
});

describe("a URI", () => {
  it.each<[string, string, boolean]>([
    ["SPIFFE://Plant.Example/line-3/press", "spiffe://plant.example/line-3/press", true],
    ["spiffe://plant.example/Line-3/press", "spiffe://plant.example/line-3/press", false],
    ["spiffe://plant.example/line-3/press", "spiffe://plant.example/line-3/*", true],
    ["spiffe://plant.example/line-3/press", "spiffe://plant.example/*/press", true],
    ["spiffe://plant.example/line-3/press/one", "spiffe://plant.example/line-3/*", false],
    ["spiffe://plant.example/line-3/", "spiffe://plant.example/line-3/*", false],
    ["spiffe://plant.example/line-3/..", "spiffe://plant.example/line-3/*", false],
    ["spiffe://plant.example/line-3/press?x", "spiffe://plant.example/line-3/*", false],
    ["spiffe://plant.example.evil/line-3/press", "spiffe://plant.example/line-3/*", false],
    ["urn:dev:mac:0024befffe804ff1", "URN:dev:mac:0024befffe804ff1", true],
  ])("%s meets the rule %s: %s", async (name, sanUri, met) => {
    expect(await meets(uri(name), { sanUri })).toBe(met);
  });
});

describe("an e-mail address", () => {
  it.each<[string, string, boolean]>([
    ["Robot@Devices.Example", "Robot@devices.example", true],
    ["robot@devices.example", "Robot@devices.example", false],
    ["robot@devices.example", "*@devices.example", true],
    ["robot@sub.devices.example", "*@devices.example", false],
    ["robot@evil.example@devices.example", "*@devices.example", false],
  ])("%s meets the rule %s: %s", async (name, sanEmail, met) => {
    expect(await meets(mail(name), { sanEmail })).toBe(met);
  });
});

describe("an IP address", () => {
  const at = (value: string): LeafOptions => ({
    subject: "CN=x",
    subjectAltNames: [{ type: "ip", value }],
  });
  it.each<[string, string, boolean]>([
    ["10.0.0.7", "10.0.0.7", true],
    ["10.0.0.7", "10.0.0.70", false],
    ["2001:db8::7", "2001:0DB8:0:0::7", true],
  ])("%s meets the rule %s: %s", async (name, sanIp, met) => {
    expect(await meets(at(name), { sanIp })).toBe(met);
  });
});

describe("a subject", () => {
  const subject = "CN=Press 7,OU=Line 3,OU=Hall B,O=Contoso";
  it.each<[MatchOptions["subject"] & object, boolean]>([
    [{ commonName: "press  7" }, true],
    [{ commonName: "press" }, false],
    [{ organizationalUnit: "hall b" }, true],
    [{ organization: "CONTOSO", organizationalUnit: "Line 3" }, true],
    [{ organization: "Contoso", organizationalUnit: "Line 4" }, false],
    [{ serialNumber: "7" }, false],
  ])("meets %j: %s", async (rule, met) => {
    expect(await meets({ subject }, { subject: rule })).toBe(met);
  });

  it("with a wildcard rule meets it by one label more", async () => {
    const rule = { subject: { commonName: "*.devices.example" } };
    expect(await meets({ subject: "CN=one.devices.example" }, rule)).toBe(true);
    expect(await meets({ subject: "CN=one.two.devices.example" }, rule)).toBe(false);
  });

  it.each(["ro\u0000bot", "ro\u200bbot", "robot\u0000"])(
    "with invisible characters meets nothing: %j",
    async (name) => {
      expect(await meets({ subject: `CN=${name}` }, { subject: { commonName: "robot" } })).toBe(false);
    },
  );
});

describe("an issuer", () => {
  it("is met by its name, however it is spaced and cased", async () => {
    expect(await meets({ subject: "CN=x" }, { issuer: { subject: "cn=plant ca, o=CONTOSO" } })).toBe(true);
    expect(await meets({ subject: "CN=x" }, { issuer: { subject: "O=Contoso,CN=Plant CA" } })).toBe(false);
  });

  it("is the direct one, and no CA above it", async () => {
    expect(await meets({ subject: "CN=x" }, { issuer: { subject: "CN=Root,O=Contoso" } })).toBe(false);
  });

  it("is met by its key, and the leaf by its own", async () => {
    const { createHash } = await import("node:crypto");
    const pin = (certificate: Uint8Array) =>
      createHash("sha256").update(parseCertificate(certificate).subjectPublicKeyInfo).digest();
    const ca = pin(plant.certificate);
    for (const spkiSha256 of [ca.toString("hex"), ca.toString("base64")])
      expect(await meets({ subject: "CN=x" }, { issuer: { spkiSha256 } })).toBe(true);
    expect(await meets({ subject: "CN=x" }, { spkiSha256: ca.toString("hex") })).toBe(false);
  });
});
