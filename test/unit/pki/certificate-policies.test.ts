import { describe, expect, it } from "vitest";
import { type Authority, createAuthority, type RawExtension } from "../../../src/dev/pki/authority.ts";
import { integer, oid, sequence, tlv } from "../../../src/dev/pki/der.ts";
import { defaultPathRules, type PathRules } from "../../../src/pki/verify-path.ts";
import { codeOf, decide } from "./support/decide.ts";

const any = "2.5.29.32.0";
const policies = (...ids: string[]): RawExtension => ({
  oid: "2.5.29.32",
  critical: false,
  value: sequence(...ids.map((id) => sequence(oid(id)))),
});
const mappings = (...pairs: [string, string][]): RawExtension => ({
  oid: "2.5.29.33",
  critical: true,
  value: sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))),
});
const requireExplicit = (skip: number): RawExtension => ({
  oid: "2.5.29.36",
  critical: true,
  value: sequence(tlv(0x80, Buffer.of(skip))),
});
const inhibitMapping = (skip: number): RawExtension => ({
  oid: "2.5.29.36",
  critical: true,
  value: sequence(tlv(0x81, Buffer.of(skip))),
});
const inhibitAny = (skip: number): RawExtension => ({
  oid: "2.5.29.54",
  critical: true,
  value: integer(skip),
});

/** Root, CA, leaf with these extensions; the reason code with these policy inputs. */
async function judge(
  [rootExtra, caExtra, leafExtra]: [RawExtension[], RawExtension[], RawExtension[]],
  inputs: Partial<PathRules["policies"]> = {},
) {
  const root = await createAuthority({ subject: "CN=Root", extraExtensions: rootExtra });
  const ca = await createAuthority({ subject: "CN=CA", issuer: root, extraExtensions: caExtra });
  const leaf = await ca.issue({ subject: "CN=robot", extraExtensions: leafExtra });
  const rules = { policies: { ...defaultPathRules.policies, ...inputs } };
  return codeOf(decide({ leaf, candidates: [ca], anchors: [root], rules }));
}
const refused = "client_certificate_invalid";
const explicit = "required";

describe("certificate policies", () => {
  it("do not matter where nobody asks for them", async () => {
    expect(await judge([[], [], []])).toBe("allowed");
    expect(await judge([[], [policies("1.2.1")], [policies("1.2.2")]])).toBe("allowed");
  });

  it("must run through the path where the inputs ask for one", async () => {
    expect(await judge([[], [policies("1.2.1")], [policies("1.2.1")]], { explicit })).toBe("allowed");
    expect(await judge([[], [policies("1.2.1")], [policies("1.2.2")]], { explicit })).toBe(refused);
    expect(await judge([[], [], [policies("1.2.1")]], { explicit })).toBe(refused);
  });

  it("must be among the initial policies", async () => {
    const path: Parameters<typeof judge>[0] = [[], [policies("1.2.1")], [policies("1.2.1")]];
    expect(await judge(path, { explicit, initial: ["1.2.1"] })).toBe("allowed");
    expect(await judge(path, { explicit, initial: ["1.2.2"] })).toBe(refused);
  });

  it("are demanded by a CA's policyConstraints", async () => {
    expect(await judge([[], [policies("1.2.1"), requireExplicit(0)], [policies("1.2.2")]])).toBe(refused);
    expect(await judge([[], [policies("1.2.1"), requireExplicit(5)], [policies("1.2.2")]])).toBe("allowed");
  });

  it("are tightened by the anchor's own extensions", async () => {
    expect(await judge([[requireExplicit(0)], [policies("1.2.1")], [policies("1.2.2")]])).toBe(refused);
    expect(await judge([[policies("1.2.9")], [policies("1.2.1")], [policies("1.2.1")]], { explicit })).toBe(
      refused,
    );
  });

  it("may be anyPolicy until a CA inhibits that", async () => {
    expect(await judge([[], [policies(any)], [policies("1.2.1")]], { explicit, initial: ["1.2.1"] })).toBe(
      "allowed",
    );
    expect(await judge([[], [policies("1.2.1"), inhibitAny(0)], [policies(any)]], { explicit })).toBe(
      refused,
    );
    expect(
      await judge([[], [policies(any)], [policies("1.2.1")]], { explicit, anyPolicy: "inhibited" }),
    ).toBe(refused);
  });

  it("are mapped until a CA inhibits that", async () => {
    const mapped: RawExtension[] = [policies("1.2.1"), mappings(["1.2.1", "1.3.1"])];
    const leaf = [policies("1.3.1")];
    expect(await judge([[], mapped, leaf], { explicit, initial: ["1.2.1"] })).toBe("allowed");
    expect(await judge([[], mapped, leaf], { explicit, initial: ["1.3.1"] })).toBe(refused);
    expect(await judge([[], mapped, leaf], { explicit, mapping: "inhibited" })).toBe(refused);
    expect(await judge([[inhibitMapping(0)], mapped, leaf], { explicit })).toBe(refused);
  });

  it("are never mapped from or to anyPolicy", async () => {
    expect(await judge([[], [policies(any), mappings([any, "1.3.1"])], [policies("1.3.1")]])).toBe(refused);
    expect(await judge([[], [policies("1.2.1"), mappings(["1.2.1", any])], [policies("1.3.1")]])).toBe(
      refused,
    );
  });

  it("that are critical must not hide a qualifier that is not understood", async () => {
    const qualified = (critical: boolean, qualifier: string): RawExtension => ({
      oid: "2.5.29.32",
      critical,
      value: sequence(
        sequence(oid("1.2.1"), sequence(sequence(oid(qualifier), tlv(0x16, Buffer.from("x"))))),
      ),
    });
    expect(await judge([[], [], [qualified(true, "1.2.3.4")]])).toBe(refused);
    expect(await judge([[], [], [qualified(false, "1.2.3.4")]])).toBe("allowed");
    expect(await judge([[], [], [qualified(true, "1.3.6.1.5.5.7.2.1")]])).toBe("allowed");
  });

  it("that map all on all at every level take no exponential time", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `1.2.${i}`);
    const all = mappings(...ids.flatMap((from) => ids.map((to): [string, string] => [from, to])));
    const chain: Authority[] = [await createAuthority({ subject: "CN=0", pathLength: null })];
    for (let i = 1; i <= 8; i += 1)
      chain.push(
        await createAuthority({
          subject: `CN=${i}`,
          issuer: chain[i - 1]!,
          pathLength: null,
          extraExtensions: [policies(...ids), all],
        }),
      );
    const leaf = await chain[8]!.issue({ subject: "CN=robot", extraExtensions: [policies("9.9")] });
    const start = performance.now();
    const rules = {
      policies: { ...defaultPathRules.policies, explicit: "required" as const, initial: ["1.2.999"] },
    };
    expect(codeOf(decide({ leaf, candidates: chain.slice(1), anchors: [chain[0]!], rules }))).toBe(refused);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
