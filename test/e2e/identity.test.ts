import { createHash, createPublicKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

const keyHash = (keyPem: string): string =>
  createHash("sha256")
    .update(createPublicKey(keyPem).export({ type: "spki", format: "der" }))
    .digest("hex");

let pki: TestPki;
let stranger: TestPki;
let world: World;
/** By the rule that finds it: a certificate that meets it, and one that nearly does. */
let pairs: Record<string, readonly [IssuedCertificate, IssuedCertificate]>;

beforeAll(async () => {
  pki = await createTestPki();
  stranger = await createTestPki("Other");
  const { intermediate, root } = pki;
  const named = (type: "dns" | "url" | "email" | "ip", value: string) =>
    intermediate.issue({ subject: "CN=x", subjectAltNames: [{ type, value }] });
  const subject = (text: string) => intermediate.issue({ subject: text });
  const pinned = await subject("CN=pinned");
  pairs = {
    "a URI": [await named("url", "spiffe://p.example/a"), await named("url", "spiffe://p.example/a/b")],
    "a URI with a segment open": [
      await named("url", "spiffe://f.example/any/arm"),
      await named("url", "spiffe://f.example/any/more/arm"),
    ],
    "a host": [await named("dns", "one.h.example"), await named("dns", "one.h.example.evil")],
    "a host with a label open": [await named("dns", "a.w.example"), await named("dns", "a.b.w.example")],
    "a mailbox": [await named("email", "me@m.example"), await named("email", "you@m.example")],
    "an address": [await named("ip", "192.0.2.7"), await named("ip", "192.0.2.8")],
    "a subject's part": [await subject("CN=s, OU=Line 3"), await subject("CN=s, O=Line 3")],
    "a key": [pinned, await subject("CN=pinned")],
    "an issuer's name and a subject": [
      await root.issue({ subject: "CN=below-root" }),
      await subject("CN=below-root"),
    ],
    "an issuer's key and a subject": [
      await subject("CN=below-key"),
      await root.issue({ subject: "CN=below-key" }),
    ],
  };
  const rules: Record<string, object> = {
    "a URI": { sanUri: "spiffe://p.example/a" },
    "a URI with a segment open": { sanUri: "spiffe://f.example/*/arm" },
    "a host": { sanDns: "one.h.example" },
    "a host with a label open": { sanDns: "*.w.example" },
    "a mailbox": { sanEmail: "me@m.example" },
    "an address": { sanIp: "192.0.2.7" },
    "a subject's part": { subject: { organizationalUnit: "Line 3" } },
    "a key": { spkiSha256: keyHash(pinned.keyPem) },
    "an issuer's name and a subject": {
      issuer: { subject: "CN=Test Root CA" },
      subject: { commonName: "below-root" },
    },
    "an issuer's key and a subject": {
      issuer: { spkiSha256: keyHash(intermediate.keyPem) },
      subject: { commonName: "below-key" },
    },
  };
  world = await startWorld({
    pki,
    configure(config) {
      config["clients"] = Object.fromEntries(
        Object.values(rules).map((rule, at) => [`c${at}`, { match: [rule], deployments: ["gpt-test"] }]),
      );
    },
  });
});
afterAll(() => world.stop());

async function outcome(client: IssuedCertificate): Promise<string> {
  const { status, headers } = await world.ask({ path: "/openai/v1/models" }, client);
  return [status, headers["x-certgate-reason"]].filter((part) => part !== undefined).join(" ");
}

describe("a client is recognised by", () => {
  it.each([
    "a URI",
    "a URI with a segment open",
    "a host",
    "a host with a label open",
    "a mailbox",
    "an address",
    "a subject's part",
    "a key",
    "an issuer's name and a subject",
    "an issuer's key and a subject",
  ])("%s, and a certificate that only nearly has it is not", async (rule) => {
    const [meets, misses] = pairs[rule]!;
    expect([await outcome(meets), await outcome(misses)]).toEqual(["200", "403 client_unknown"]);
  });

  it("nothing that an untrusted CA writes: rules stand on top of a verified path", async () => {
    const names = [{ type: "url", value: "spiffe://p.example/a" }] as const;
    const forged = await stranger.intermediate.issue({ subject: "CN=x", subjectAltNames: names });
    expect(await outcome(forged)).toBe("401 client_certificate_untrusted");
  });
});
