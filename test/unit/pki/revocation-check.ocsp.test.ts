import { beforeAll, describe, expect, it } from "vitest";
import {
  type Authority,
  createAuthority,
  type IssuedCertificate,
  type IssuedCrl,
} from "../../../src/dev/pki/authority.ts";
import type { RevocationStatus } from "../../../src/pki/revocation.ts";
import { codeOf, decide } from "./support/decide.ts";

let root: Authority;
let leaf: IssuedCertificate;
let crl: IssuedCrl;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
  leaf = await root.issue({ subject: "CN=robot" });
  crl = await root.crl();
});

const judge = (order: "first" | "last", status: RevocationStatus, crls: readonly IssuedCrl[] = [crl]) =>
  decide({
    leaf,
    anchors: [root],
    crls,
    revocation: { other: { order, source: { statusOf: () => status } } },
  });

const unasked: RevocationStatus = { status: "unknown", problems: ["not asked yet"], worthFetching: true };
const unanswered: RevocationStatus = { status: "unknown", problems: ["no answer"] };
const revoked: RevocationStatus = { status: "revoked", detail: "revoked, says somebody" };

describe("another source of status", () => {
  it("that comes first is not passed over before it was asked, and is told what to ask about", () => {
    expect(judge("first", unasked)).toMatchObject({
      code: "revocation_unavailable",
      missing: [
        {
          certificate: { sha256: leaf.thumbprint },
          issuerCertificate: { sha256: root.thumbprint },
        },
      ],
    });
  });

  it("that comes first and has no answer leaves the word to the CRLs", async () => {
    expect(codeOf(judge("first", unanswered))).toBe("allowed");
    const revocation = await root.crl({ revoked: [{ serial: leaf.serial }] });
    expect(codeOf(judge("first", unanswered, [revocation]))).toBe("client_certificate_revoked");
    expect(codeOf(judge("first", unanswered, []))).toBe("revocation_unavailable");
  });

  it("that comes first says revoked whatever the CRLs say", () => {
    expect(codeOf(judge("first", revoked))).toBe("client_certificate_revoked");
  });

  it("that comes last is asked only where the CRLs have no answer", () => {
    expect(codeOf(judge("last", unasked))).toBe("allowed");
    expect(codeOf(judge("last", revoked))).toBe("allowed");
    expect(codeOf(judge("last", revoked, []))).toBe("client_certificate_revoked");
  });

  it("bounds the verdict by the end of its answer", () => {
    const validUntil = Date.now() + 1234;
    const verdict = judge("first", { status: "good", detail: "good", validUntil });
    expect(verdict).toMatchObject({ allowed: true, value: { validUntil } });
  });
});
