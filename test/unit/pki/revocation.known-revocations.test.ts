import { beforeAll, describe, expect, it } from "vitest";
import { createAuthority, type Authority, type IssuedCertificate } from "../../../src/dev/pki/authority.ts";
import { integer } from "../../../src/dev/pki/der.ts";
import { codeOf, decide } from "./support/decide.ts";

const at = new Date(Date.UTC(2026, 5, 1));
const hour = 3_600_000;
const before = (hours: number) => new Date(at.getTime() - hours * hour);
const after = (hours: number) => new Date(at.getTime() + hours * hour);
const validity = { notBefore: before(1000), notAfter: after(10_000) };

let root: Authority;
/** One CA name, two keys, as after a renewal with a new key; nothing ties the keys to one another. */
let old: Authority;
let renewed: Authority;
let leaf: IssuedCertificate;

beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root", ...validity });
  old = await createAuthority({ subject: "CN=Issuing CA", issuer: root, ...validity });
  renewed = await createAuthority({ subject: "CN=Issuing CA", issuer: root, ...validity });
  leaf = await old.issue({ subject: "CN=robot", ...validity });
});

const current = { thisUpdate: before(1), nextUpdate: after(24) };
const judge = async (...crls: { der: Uint8Array }[]) =>
  codeOf(
    decide({
      leaf,
      candidates: [old, renewed],
      anchors: [root],
      at,
      crls: [await root.crl(current), ...crls],
    }),
  );

describe("a CA with two keys", () => {
  it("revokes by the list of the key that issued, whatever order and number the other list has", async () => {
    const revoking = await old.crl({ ...current, number: 5, revoked: [{ serial: leaf.serial }] });
    const other = await renewed.crl({ ...current, number: 6 });
    expect(await judge(revoking, other)).toBe("client_certificate_revoked");
    expect(await judge(other, revoking)).toBe("client_certificate_revoked");
  });

  it("says nothing of the certificates of one key by the list of the other", async () => {
    expect(await judge(await renewed.crl(current))).toBe("revocation_unavailable");
  });
});

describe("a revocation that is known", () => {
  const expired = { thisUpdate: before(48), nextUpdate: before(24) };

  it("holds although the list that told it is out of date", async () => {
    expect(await judge(await old.crl({ ...expired, revoked: [{ serial: leaf.serial }] }))).toBe(
      "client_certificate_revoked",
    );
  });

  it("holds although the delta list that told it is out of date and the complete one is not", async () => {
    const complete = await old.crl({ thisUpdate: before(72), nextUpdate: after(24), number: 1 });
    const delta = await old.crl({
      ...expired,
      number: 2,
      revoked: [{ serial: leaf.serial }],
      extraExtensions: [{ oid: "2.5.29.27", critical: true, value: integer(1) }],
    });
    expect(await judge(complete)).toBe("allowed");
    expect(await judge(complete, delta)).toBe("client_certificate_revoked");
  });

  it("is not undone by an older list with a higher number", async () => {
    const rebuilt = await old.crl({ ...current, number: 1, revoked: [{ serial: leaf.serial }] });
    const older = await old.crl({ thisUpdate: before(48), nextUpdate: after(24), number: 900 });
    expect(await judge(older, rebuilt)).toBe("client_certificate_revoked");
  });

  it("ends when a newer list of the same key does not have it any more", async () => {
    const held = await old.crl({
      thisUpdate: before(48),
      nextUpdate: after(24),
      revoked: [{ serial: leaf.serial, reason: "certificateHold" }],
    });
    const released = await old.crl({ ...current, number: 2 });
    expect(await judge(held, released)).toBe("allowed");
  });
});
