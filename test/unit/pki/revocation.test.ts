import { beforeAll, describe, expect, it } from "vitest";
import {
  type Authority,
  createAuthority,
  type CrlOptions,
  type IssuedCertificate,
} from "../../../src/dev/pki/authority.ts";
import { explicit, integer, sequence, tlv } from "../../../src/dev/pki/der.ts";
import type { StatusSource } from "../../../src/pki/revocation.ts";
import { codeOf, decide } from "./support/decide.ts";

const hour = 3_600_000;
const at = new Date(Math.floor(Date.now() / 1000) * 1000);
const ago = (hours: number) => new Date(at.getTime() - hours * hour);

let root: Authority;
let ca: Authority;
let leaf: IssuedCertificate;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
  ca = await createAuthority({ subject: "CN=CA", issuer: root });
  leaf = await ca.issue({ subject: "CN=robot", crlDistributionPoints: ["http://crl.example/ca.crl"] });
});

const idp = (...fields: Uint8Array[]) => ({ oid: "2.5.29.28", critical: true, value: sequence(...fields) });
const flag = (n: number) => tlv(0x80 + n, Buffer.of(0xff));
const uri = (value: string) => explicit(0, explicit(0, tlv(0x86, Buffer.from(value))));
const deltaOf = (base: number) => ({ oid: "2.5.29.27", critical: true, value: integer(base) });

/** The verdict with the root's good CRL and these of the CA. */
const judge = async (...crls: (CrlOptions | { der: Uint8Array })[]) =>
  decide({
    leaf,
    candidates: [ca],
    anchors: [root],
    at,
    crls: [
      await root.crl(),
      ...(await Promise.all(crls.map(async (crl) => ("der" in crl ? crl : ca.crl(crl))))),
    ],
  });
const codeWith = async (...crls: (CrlOptions | { der: Uint8Array })[]) => codeOf(await judge(...crls));

describe("revocation", () => {
  it("accepts where every certificate below the anchor has a current CRL that does not list it", async () => {
    const verdict = await judge({});
    expect(verdict.allowed && verdict.value.revocationNotes.map(({ status }) => status)).toEqual([
      "good",
      "good",
    ]);
  });

  it("lets the verdict live no longer than the earliest nextUpdate", async () => {
    const verdict = await judge({ nextUpdate: new Date(at.getTime() + hour) });
    expect(verdict.allowed && verdict.value.validUntil).toBe(at.getTime() + hour);
  });

  it("says client_certificate_revoked with instant and reason", async () => {
    const date = new Date(Date.UTC(2026, 0, 1));
    const verdict = await judge({ revoked: [{ serial: leaf.serial, date, reason: "keyCompromise" }] });
    expect(verdict).toMatchObject({
      code: "client_certificate_revoked",
      detail: "CN=robot was revoked at 2026-01-01T00:00:00Z (keyCompromise)",
    });
  });

  it("says client_certificate_revoked for a revoked intermediate", async () => {
    const crls = [await root.crl({ revoked: [{ serial: ca.serial }] }), await ca.crl()];
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [root], at, crls }))).toBe(
      "client_certificate_revoked",
    );
  });

  it("tells that one certificate is revoked before it tells that another's status is unknown", async () => {
    const crls = [await root.crl({ revoked: [{ serial: ca.serial }] })];
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [root], at, crls }))).toBe(
      "client_certificate_revoked",
    );
  });

  it("says what is missing, and where it could be fetched", async () => {
    expect(await judge()).toMatchObject({
      code: "revocation_unavailable",
      missing: [
        { subject: "CN=robot", issuer: "CN=CA", crlUrls: ["http://crl.example/ca.crl"], ocspUrls: [] },
      ],
    });
  });

  it.each<[string, CrlOptions]>([
    ["out of date", { thisUpdate: ago(2), nextUpdate: ago(1) }],
    ["from the future", { thisUpdate: ago(-1) }],
    ["without nextUpdate", { nextUpdate: null }],
    ["for CA certificates only", { extraExtensions: [idp(flag(2))] }],
    ["for attribute certificates only", { extraExtensions: [idp(flag(5))] }],
    ["for another distribution point", { extraExtensions: [idp(uri("http://crl.example/other.crl"))] }],
    ["for some reasons only", { extraExtensions: [idp(tlv(0x83, Buffer.of(6, 0x40)))] }],
    ["a delta CRL without its complete one", { number: 2, extraExtensions: [deltaOf(1)] }],
    ["signed with SHA-1", { signing: { hash: "SHA-1" } }],
  ])("is unavailable with a CRL that is %s", async (_, options) => {
    expect(await codeWith(options)).toBe("revocation_unavailable");
  });

  it.each<[string, CrlOptions]>([
    ["for end-entity certificates", { extraExtensions: [idp(flag(1))] }],
    ["for this distribution point", { extraExtensions: [idp(uri("http://crl.example/ca.crl"))] }],
    ["indirect, without entries of others", { extraExtensions: [idp(flag(4))] }],
    ["without an authorityKeyIdentifier", { omitAuthorityKeyIdentifier: true }],
  ])("is answered by a CRL that is %s", async (_, options) => {
    expect(await codeWith(options)).toBe("allowed");
  });

  it("is answered by two CRLs that cover all reasons between them", async () => {
    const some = { extraExtensions: [idp(tlv(0x83, Buffer.of(6, 0x40)))] };
    const rest = { extraExtensions: [idp(tlv(0x83, Buffer.of(7, 0x3f, 0x80)))] };
    expect(await codeWith(some, rest)).toBe("allowed");
  });

  it("does not take a CRL of the right name and another key", async () => {
    const impostor = await createAuthority({ subject: "CN=CA", issuer: root });
    expect(await codeWith(await impostor.crl())).toBe("revocation_unavailable");
  });

  it("asks for cRLSign where the issuer has a keyUsage", async () => {
    const mute = await createAuthority({ subject: "CN=Mute CA", issuer: root, keyUsage: ["keyCertSign"] });
    const client = await mute.issue({ subject: "CN=robot" });
    const crls = [await root.crl(), await mute.crl()];
    expect(codeOf(decide({ leaf: client, candidates: [mute], anchors: [root], at, crls }))).toBe(
      "revocation_unavailable",
    );
  });

  it("takes a CRL that another key of the same CA signed, if that has a valid path to the same anchor", async () => {
    const mute = await createAuthority({ subject: "CN=Split CA", issuer: root, keyUsage: ["keyCertSign"] });
    const signer = await createAuthority({
      subject: "CN=Split CA",
      issuer: root,
      keyUsage: ["cRLSign"],
      ca: false,
      pathLength: null,
    });
    const client = await mute.issue({ subject: "CN=robot" });
    const revoked = [{ serial: client.serial }];
    const judgeWith = async (candidates: Authority[], options: CrlOptions, rootOptions: CrlOptions = {}) =>
      codeOf(
        decide({
          leaf: client,
          candidates,
          anchors: [root],
          at,
          crls: [await root.crl(rootOptions), await signer.crl(options)],
        }),
      );
    expect(await judgeWith([mute, signer], {})).toBe("allowed");
    expect(await judgeWith([mute, signer], { revoked })).toBe("client_certificate_revoked");
    expect(await judgeWith([mute], {})).toBe("revocation_unavailable");
    expect(await judgeWith([mute, signer], {}, { revoked: [{ serial: signer.serial }] })).toBe(
      "revocation_unavailable",
    );
  });

  it("follows a CA through a change of its key: old clients, new CRLs", async () => {
    const renewed = await createAuthority({ subject: "CN=Rolling CA", issuer: root });
    const oldWithNew = await createAuthority({ subject: "CN=Rolling CA", issuer: renewed, pathLength: null });
    const client = await oldWithNew.issue({ subject: "CN=robot" });
    const judgeWith = async (options: CrlOptions) =>
      codeOf(
        decide({
          leaf: client,
          candidates: [oldWithNew, renewed],
          anchors: [root],
          at,
          crls: [await root.crl(), await renewed.crl(options)],
        }),
      );
    expect(await judgeWith({})).toBe("allowed");
    expect(await judgeWith({ revoked: [{ serial: client.serial }] })).toBe("client_certificate_revoked");
  });

  it("lets the verdict live no longer than the separate CRL key's certificate", async () => {
    const mute = await createAuthority({ subject: "CN=Split CA", issuer: root, keyUsage: ["keyCertSign"] });
    const signer = await createAuthority({
      subject: "CN=Split CA",
      issuer: root,
      keyUsage: ["cRLSign"],
      ca: false,
      pathLength: null,
      notAfter: new Date(at.getTime() + hour),
    });
    const client = await mute.issue({ subject: "CN=robot" });
    const crls = [await root.crl(), await signer.crl()];
    const verdict = decide({ leaf: client, candidates: [mute, signer], anchors: [root], at, crls });
    expect(verdict.allowed && verdict.value.validUntil).toBe(at.getTime() + hour + 999);
  });

  it("takes no CRL from a client certificate that was named like the CA", async () => {
    const mute = await createAuthority({ subject: "CN=Split CA", issuer: root, keyUsage: ["keyCertSign"] });
    const impostor = await createAuthority({
      subject: "CN=Split CA",
      issuer: root,
      keyUsage: [],
      ca: false,
      pathLength: null,
    });
    const client = await mute.issue({ subject: "CN=robot" });
    const crls = [await root.crl(), await impostor.crl()];
    expect(codeOf(decide({ leaf: client, candidates: [mute, impostor], anchors: [root], at, crls }))).toBe(
      "revocation_unavailable",
    );
  });

  it("refuses a CRL that is older than the policy's limit, current or not", async () => {
    const crls = [await root.crl(), await ca.crl({ thisUpdate: ago(30) })];
    const judgeWith = (maxCrlAgeMs: number) =>
      codeOf(decide({ leaf, candidates: [ca], anchors: [root], at, crls, revocation: { maxCrlAgeMs } }));
    expect([judgeWith(31 * hour), judgeWith(29 * hour)]).toEqual(["allowed", "revocation_unavailable"]);
  });

  it("takes the newest of several CRLs", async () => {
    const held = { number: 1, revoked: [{ serial: leaf.serial, reason: "certificateHold" as const }] };
    expect(await codeWith(held, { number: 2 })).toBe("allowed");
    expect(await codeWith({ number: 1 }, { ...held, number: 2 })).toBe("client_certificate_revoked");
  });

  describe("with delta CRLs", () => {
    const delta = (options: CrlOptions, base = 1): CrlOptions => ({
      number: 2,
      ...options,
      extraExtensions: [deltaOf(base)],
    });
    const hold = { revoked: [{ serial: "", reason: "certificateHold" as const }] };
    beforeAll(() => {
      hold.revoked = [{ serial: leaf.serial, reason: "certificateHold" }];
    });

    it("sees a certificate revoked that only the delta lists", async () => {
      expect(await codeWith({}, delta({ revoked: [{ serial: leaf.serial }] }))).toBe(
        "client_certificate_revoked",
      );
    });

    it("sees a hold lifted by removeFromCRL", async () => {
      const lifted = { revoked: [{ serial: leaf.serial, reason: "removeFromCRL" as const }] };
      expect(await codeWith(hold, delta({}))).toBe("client_certificate_revoked");
      expect(await codeWith(hold, delta(lifted))).toBe("allowed");
    });

    it("takes removeFromCRL in a complete CRL for what an entry is: a revocation", async () => {
      expect(await codeWith({ revoked: [{ serial: leaf.serial, reason: "removeFromCRL" }] })).toBe(
        "client_certificate_revoked",
      );
    });

    it("leaves out a delta whose base is newer than the complete CRL", async () => {
      expect(await codeWith({}, delta({ number: 9, revoked: [{ serial: leaf.serial }] }, 5))).toBe("allowed");
    });

    it("leaves out a delta of another scope or another signer", async () => {
      const scoped = {
        number: 2,
        extraExtensions: [deltaOf(1), idp(flag(1))],
        revoked: [{ serial: leaf.serial }],
      };
      const impostor = await createAuthority({ subject: "CN=CA", issuer: root });
      const forged = await impostor.crl({
        ...delta({}),
        omitAuthorityKeyIdentifier: true,
        revoked: [{ serial: leaf.serial }],
      });
      expect(await codeWith({}, scoped)).toBe("allowed");
      expect(await codeWith({ omitAuthorityKeyIdentifier: true }, forged)).toBe("allowed");
    });

    it("keeps a complete CRL in use while a current delta continues it", async () => {
      const over = { thisUpdate: ago(2), nextUpdate: ago(1) };
      expect(await codeWith(over, delta({ thisUpdate: ago(1) }))).toBe("allowed");
    });
  });

  describe("with indirect CRLs", () => {
    const names = (name: Uint8Array) => sequence(tlv(0xa4, name));
    const certificateIssuer = (name: Uint8Array) => ({
      oid: "2.5.29.29",
      critical: true,
      value: names(name),
    });
    const indirect = async (revoked: CrlOptions["revoked"] = []) => {
      const third = await createAuthority({
        subject: "CN=Third Party",
        issuer: root,
        keyUsage: ["cRLSign"],
        ca: false,
        pathLength: null,
      });
      const point = sequence(sequence(explicit(2, tlv(0xa4, third.name))));
      const client = await ca.issue({
        subject: "CN=robot",
        serial: "1234",
        extraExtensions: [{ oid: "2.5.29.31", critical: false, value: point }],
      });
      const crls = [await root.crl(), await third.crl({ extraExtensions: [idp(flag(4))], revoked })];
      return decide({ leaf: client, candidates: [ca, third], anchors: [root], at, crls });
    };

    it("accepts where the third party that the certificate names does not list it", async () => {
      expect(codeOf(await indirect())).toBe("allowed");
    });

    it("tells whose certificate an entry means: the last issuer that was named", async () => {
      const ours = [{ serial: "99", extraExtensions: [certificateIssuer(ca.name)] }, { serial: "1234" }];
      const others = [{ serial: "99", extraExtensions: [certificateIssuer(root.name)] }, { serial: "1234" }];
      expect(codeOf(await indirect(ours))).toBe("client_certificate_revoked");
      expect(codeOf(await indirect(others))).toBe("allowed");
      expect(codeOf(await indirect([{ serial: "1234" }]))).toBe("allowed");
    });

    it("does not take a third party's CRL that the certificate does not name", async () => {
      const third = await createAuthority({ subject: "CN=Third Party", issuer: root });
      const crl = await third.crl({ extraExtensions: [idp(flag(4))] });
      expect(
        codeOf(decide({ leaf, candidates: [ca, third], anchors: [root], at, crls: [await root.crl(), crl] })),
      ).toBe("revocation_unavailable");
    });
  });

  describe("modes", () => {
    const soft = async (graceHours: number, options: CrlOptions) =>
      decide({
        leaf,
        candidates: [ca],
        anchors: [root],
        at,
        crls: [await root.crl(), await ca.crl(options)],
        revocation: { mode: "soft", graceMs: graceHours * hour },
      });

    it("soft takes a CRL for the grace after its end, says so, and ends with it", async () => {
      const verdict = await soft(2, { thisUpdate: ago(5), nextUpdate: ago(1) });
      expect(verdict.allowed && verdict.value.revocationNotes[0]?.status).toBe("stale");
      expect(verdict.allowed && verdict.value.validUntil).toBe(at.getTime() + hour);
    });

    it("soft takes no CRL beyond its grace, and none at all is not enough", async () => {
      expect(codeOf(await soft(1, { thisUpdate: ago(5), nextUpdate: ago(2) }))).toBe(
        "revocation_unavailable",
      );
      const nothing = decide({
        leaf,
        candidates: [ca],
        anchors: [root],
        at,
        crls: [],
        revocation: { mode: "soft", graceMs: hour },
      });
      expect(codeOf(nothing)).toBe("revocation_unavailable");
    });

    it("hard has no grace", async () => {
      expect(await codeWith({ thisUpdate: ago(5), nextUpdate: ago(1) })).toBe("revocation_unavailable");
    });

    it("off notes that nothing was checked", () => {
      const verdict = decide({ leaf, candidates: [ca], anchors: [root], at });
      expect(verdict.allowed && verdict.value.revocationNotes[0]?.status).toBe("not-checked");
    });
  });

  describe("with another source of status", () => {
    const source = (status: "good" | "revoked"): StatusSource => ({
      statusOf: () =>
        status === "good"
          ? { status, detail: "the responder says good", validUntil: at.getTime() + 5 }
          : { status, detail: "the responder says revoked" },
    });
    const judgeWith = (order: "first" | "last", status: "good" | "revoked", crls: { der: Uint8Array }[]) =>
      codeOf(
        decide({
          leaf,
          candidates: [ca],
          anchors: [root],
          at,
          crls,
          revocation: { other: { order, source: source(status) } },
        }),
      );

    it("asks it where the CRLs do not know", () => {
      expect(judgeWith("last", "good", [])).toBe("allowed");
    });

    it("asks it before the CRLs where it comes first", async () => {
      const crls = [await root.crl(), await ca.crl()];
      expect(judgeWith("first", "revoked", crls)).toBe("client_certificate_revoked");
      expect(judgeWith("last", "revoked", crls)).toBe("allowed");
    });
  });
});
