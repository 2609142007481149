import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type LeafOptions } from "../../../src/dev/pki/authority.ts";
import { sequence, tlv } from "../../../src/dev/pki/der.ts";
import { extensionRules } from "../../../src/pki/extension-rules.ts";
import { isKnownExtension } from "../../../src/pki/extensions.ts";
import { oid } from "../../../src/pki/object-identifiers.ts";
import type { PathRules } from "../../../src/pki/verify-path.ts";
import { codeOf, decide } from "./support/decide.ts";

let root: Authority;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
});
const judge = async (options: Partial<LeafOptions>, rules: Partial<PathRules> = {}) =>
  codeOf(decide({ leaf: await root.issue({ subject: "CN=robot", ...options }), anchors: [root], rules }));
const wrongUsage = "client_certificate_wrong_usage";

describe("extension rules", () => {
  it("speak only about extensions that are decoded", () => {
    expect(extensionRules.filter(({ extension }) => !isKnownExtension(oid[extension]))).toEqual([]);
  });

  it("each cite a section and demand something", () => {
    for (const rule of extensionRules) {
      expect(rule.section).toMatch(/^\d+(\.\d+)+/);
      expect(rule.presence ?? rule.criticality ?? rule.check).toBeDefined();
    }
  });

  it("stand in docs/trust.md with their sections", () => {
    const page = readFileSync(resolve(import.meta.dirname, "../../../docs/trust.md"), "utf8");
    for (const { section, extension } of extensionRules) {
      expect(page).toContain(section);
      expect(page).toContain(extension);
    }
  });

  it("take an absent extKeyUsage for unrestricted, unless the rules say otherwise", async () => {
    expect(await judge({ extendedKeyUsage: [] })).toBe("allowed");
    expect(await judge({ extendedKeyUsage: [] }, { absentExtendedKeyUsage: "refuse" })).toBe(wrongUsage);
  });

  it("take anyExtendedKeyUsage for the purpose, unless the rules say otherwise", async () => {
    const options = { extendedKeyUsage: ["anyExtendedKeyUsage"] as const };
    expect(await judge(options)).toBe("allowed");
    expect(await judge(options, { anyExtendedKeyUsage: "refuse" })).toBe(wrongUsage);
  });

  it("ask a leaf with keyUsage for digitalSignature, which TLS needs", async () => {
    expect(await judge({ keyUsage: ["keyEncipherment"] })).toBe(wrongUsage);
    expect(await judge({ keyUsage: [] })).toBe("allowed");
    expect(await judge({ keyUsage: ["keyEncipherment"] }, { purpose: "any" })).toBe("allowed");
  });

  it("let a CA's extKeyUsage limit what is below it, unless the rules say otherwise", async () => {
    const ca = await createAuthority({
      subject: "CN=Mail CA",
      issuer: root,
      extendedKeyUsage: ["emailProtection"],
    });
    const leaf = await ca.issue({ subject: "CN=robot" });
    const judgeWith = (rules: Partial<PathRules>) =>
      codeOf(decide({ leaf, candidates: [ca], anchors: [root], rules }));
    expect(judgeWith({})).toBe(wrongUsage);
    expect(judgeWith({ issuerExtendedKeyUsage: "ignored" })).toBe("allowed");
  });

  it("refuse a CA without basicConstraints or without keyCertSign", async () => {
    const mute = await createAuthority({ subject: "CN=Mute", keyUsage: ["cRLSign"] });
    const bare = await createAuthority({ subject: "CN=Bare", omitExtensions: ["2.5.29.19"] });
    for (const anchor of [mute, bare])
      expect(codeOf(decide({ leaf: await anchor.issue({ subject: "CN=x" }), anchors: [anchor] }))).toBe(
        "client_certificate_invalid",
      );
  });

  it("refuse name constraints in a leaf", async () => {
    const value = sequence(tlv(0xa0, sequence(tlv(0x82, Buffer.from("example.com")))));
    expect(await judge({ extraExtensions: [{ oid: "2.5.29.30", critical: false, value }] })).toBe(
      "client_certificate_invalid",
    );
  });

  it("leave what only issuers must do to the strict profile", async () => {
    const withoutKeyIdentifier = { omitExtensions: ["2.5.29.35"] };
    expect(await judge(withoutKeyIdentifier)).toBe("allowed");
    expect(await judge(withoutKeyIdentifier, { profile: "strict" })).toBe("client_certificate_invalid");
    expect(await judge({}, { profile: "strict" })).toBe("allowed");
  });
});
