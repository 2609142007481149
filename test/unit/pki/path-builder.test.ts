import { beforeAll, describe, expect, it } from "vitest";
import {
  type Authority,
  createAuthority,
  createKeyPair,
  type KeyPair,
} from "../../../src/dev/pki/authority.ts";
import { Budget, defaultLimits } from "../../../src/pki/budget.ts";
import { CandidatePool } from "../../../src/pki/candidate-pool.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { buildPaths } from "../../../src/pki/path-builder.ts";
import { codeOf, decide } from "./support/decide.ts";

let root: Authority;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root", pathLength: null });
});

const keyOf = (authority: Authority): KeyPair => ({
  publicKey: authority.publicKey,
  privateKey: authority.keyObject,
});
const below = (issuer: Authority, subject: string, keyPair?: KeyPair) =>
  createAuthority({ subject, issuer, pathLength: null, ...(keyPair === undefined ? {} : { keyPair }) });

describe("path building", () => {
  it("finds its way through candidates in any order, decoys among them", async () => {
    const a = await below(root, "CN=A");
    const b = await below(a, "CN=B");
    const decoys = await Promise.all([below(root, "CN=A"), below(root, "CN=B"), below(a, "CN=B")]);
    const leaf = await b.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [...decoys, b, a], anchors: [root] }))).toBe("allowed");
  });

  it("takes the other way where one cross-signed CA leads to an expired root", async () => {
    const gone = await createAuthority({
      subject: "CN=Gone",
      notBefore: new Date(0),
      notAfter: new Date(1e12),
      pathLength: null,
    });
    const good = await below(root, "CN=CA");
    const cross = await below(gone, "CN=CA", keyOf(good));
    const leaf = await good.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [cross, good], anchors: [gone, root] }))).toBe("allowed");
  });

  it("ends in CAs that sign each other in a circle", async () => {
    const away = await createAuthority({ subject: "CN=Away", pathLength: null });
    const a = await below(away, "CN=A");
    const b = await below(a, "CN=B");
    const aByB = await below(b, "CN=A", keyOf(a));
    const leaf = await b.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [a, b, aByB], anchors: [root] }))).toBe(
      "client_certificate_untrusted",
    );
    expect(codeOf(decide({ leaf, candidates: [a, b, aByB], anchors: [root, away] }))).toBe("allowed");
  });

  it("gives up on a mesh of CAs with one key within its budget and a second", async () => {
    const keyPair = await createKeyPair();
    const names = Array.from({ length: 12 }, (_, i) => `CN=Mesh ${i}`);
    const first = await Promise.all(names.map((subject) => below(root, subject, keyPair)));
    // All sign all, and the leaf has a fault of its own: only the search for the best reason walks the mesh.
    const mesh = await Promise.all(
      first.flatMap((issuer) => names.map((subject) => below(issuer, subject, keyPair))),
    );
    const leaf = await first[0]!.issue({ subject: "CN=robot", extendedKeyUsage: ["serverAuth"] });
    const start = performance.now();
    const verdict = decide({ leaf, candidates: [...mesh, ...first], anchors: [root] });
    expect(codeOf(verdict)).toBe("client_certificate_wrong_usage");
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("spends at most its steps on a mesh without accepting anything for lack of them", async () => {
    const keyPair = await createKeyPair();
    const names = Array.from({ length: 10 }, (_, i) => `CN=Mesh ${i}`);
    const heads = await Promise.all(names.map((subject) => below(root, subject, keyPair)));
    const mesh = await Promise.all(
      heads.flatMap((issuer) => names.map((subject) => below(issuer, subject, keyPair))),
    );
    const leaf = parseCertificate((await heads[0]!.issue({ subject: "CN=robot" })).certificate);
    const pool = new CandidatePool(
      [...heads, ...mesh].map(({ certificate }) => certificate),
      [parseCertificate(root.certificate)],
      256,
    );
    const budget = new Budget(defaultLimits);
    const mayIssue = () => true;
    const paths = [...buildPaths(leaf, { pool, budget, maximumIntermediates: 10, mayIssue })];
    expect(budget.exhausted).toBe("pathSteps");
    expect(paths.length).toBeLessThanOrEqual(defaultLimits.pathSteps);
    for (const path of paths) expect(new Set(path.map(({ subject }) => subject.key)).size).toBe(path.length);
  });

  it("makes at most a hundred signature checks against a hundred issuers of one name", async () => {
    const impostors = await Promise.all(Array.from({ length: 120 }, () => below(root, "CN=CA")));
    const real = await below(root, "CN=CA");
    const leaf = await real.issue({ subject: "CN=robot", omitExtensions: ["2.5.29.35"] });
    const verdict = decide({ leaf, candidates: [...impostors, real], anchors: [root] });
    expect(codeOf(verdict)).toBe("client_certificate_untrusted");
    expect(verdict.trace.map(({ check }) => check)).toContain("budget");
  });

  it("is led past impostors by the key identifier", async () => {
    const impostors = await Promise.all(Array.from({ length: 120 }, () => below(root, "CN=CA")));
    const real = await below(root, "CN=CA");
    const leaf = await real.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [...impostors, real], anchors: [root] }))).toBe("allowed");
  });

  it("takes as many intermediates as the rules allow, not one more", async () => {
    const chain = [await below(root, "CN=0")];
    for (let i = 1; i < 4; i += 1) chain.push(await below(chain[i - 1]!, `CN=${i}`));
    const leaf = await chain[3]!.issue({ subject: "CN=robot" });
    const within = (maximumIntermediates: number) =>
      codeOf(decide({ leaf, candidates: chain, anchors: [root], rules: { maximumIntermediates } }));
    expect([within(4), within(3)]).toEqual(["allowed", "client_certificate_untrusted"]);
  });
});
