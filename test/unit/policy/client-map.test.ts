import { describe, expect, it } from "vitest";
import { compileClientMap } from "../../../src/policy/client-map.ts";
import type { ClientOptions } from "../../../src/policy/client-map.ts";

const sha256 = (digit: string) => digit.repeat(64);
const sha1 = (digit: string) => digit.repeat(40);
const client = (name: string, ...thumbprints: string[]): ClientOptions => ({
  name,
  thumbprints,
  deployments: ["gpt-4o"],
  routes: ["erp"],
});
const nobody = { sha256: sha256("9"), sha1: sha1("9") };

describe("compileClientMap", () => {
  it("finds a client by its SHA-256 thumbprint, however it was written", () => {
    const map = compileClientMap([client("robot", `\u200e${"AA:".repeat(31)}AA`)], { allowSha1: false });
    const verdict = map.match({ ...nobody, sha256: sha256("a") });
    expect(verdict).toMatchObject({ allowed: true, value: { name: "robot" } });
    expect(verdict.trace).toMatchObject([{ check: "client-map", outcome: "pass" }]);
  });

  it("finds a client by each of its thumbprints, so that a renewal overlaps", () => {
    const map = compileClientMap([client("robot", sha256("a"), sha256("b"))], { allowSha1: false });
    for (const digit of ["a", "b"])
      expect(map.match({ ...nobody, sha256: sha256(digit) })).toMatchObject({ allowed: true });
  });

  it("hands out the client's deployments and routes as sets of exact names", () => {
    const map = compileClientMap([client("robot", sha256("a"))], { allowSha1: false });
    const verdict = map.match({ ...nobody, sha256: sha256("a") });
    expect(verdict).toMatchObject({
      value: { deployments: new Set(["gpt-4o"]), routes: new Set(["erp"]) },
    });
  });

  it("denies a certificate that no client has", () => {
    const map = compileClientMap([client("robot", sha256("a"))], { allowSha1: true });
    const verdict = map.match(nobody);
    expect(verdict).toMatchObject({ allowed: false, code: "client_unknown" });
    expect(verdict.trace).toMatchObject([{ check: "client-map", outcome: "fail" }]);
  });

  it("does not name any client in a denial", () => {
    const map = compileClientMap([client("robot", sha256("a")), client("crane", sha1("b"))], {
      allowSha1: true,
    });
    const verdict = map.match({ sha256: sha256("a"), sha1: sha1("b") });
    expect(JSON.stringify(verdict)).not.toMatch(/robot|crane/);
  });

  it("finds a client by SHA-1 where it is switched on", () => {
    const map = compileClientMap([client("robot", sha1("a"))], { allowSha1: true });
    expect(map.match({ ...nobody, sha1: sha1("a") })).toMatchObject({
      allowed: true,
      value: { name: "robot" },
    });
  });

  it("is not compiled with a SHA-1 thumbprint where it is switched off", () => {
    expect(() => compileClientMap([client("robot", sha1("a"))], { allowSha1: false })).toThrow(
      /robot.*SHA-1/,
    );
  });

  it("denies a certificate whose two thumbprints stand on two clients", () => {
    const map = compileClientMap([client("robot", sha256("a")), client("crane", sha1("b"))], {
      allowSha1: true,
    });
    expect(map.match({ sha256: sha256("a"), sha1: sha1("b") })).toMatchObject({
      allowed: false,
      code: "client_unknown",
    });
  });

  it("allows a certificate whose two thumbprints stand on one client", () => {
    const map = compileClientMap([client("robot", sha256("a"), sha1("b"))], { allowSha1: true });
    expect(map.match({ sha256: sha256("a"), sha1: sha1("b") })).toMatchObject({ allowed: true });
  });

  it("is not compiled with one thumbprint on two clients, in two spellings", () => {
    const clients = [client("robot", sha256("a")), client("crane", sha256("A"))];
    expect(() => compileClientMap(clients, { allowSha1: false })).toThrow(/crane.*robot/);
  });

  it("is not compiled with a malformed thumbprint", () => {
    expect(() => compileClientMap([client("robot", "abc")], { allowSha1: false })).toThrow(
      /robot.*malformed/,
    );
  });

  it("matches no other spelling than the canonical one of what was computed from a certificate", () => {
    const map = compileClientMap([client("robot", sha256("a"))], { allowSha1: false });
    expect(map.match({ ...nobody, sha256: "" })).toMatchObject({ allowed: false });
    expect(map.match({ ...nobody, sha256: sha256("A") })).toMatchObject({ allowed: false });
  });
});
