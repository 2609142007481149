import { createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import type { SteadyCaller } from "./steady-load.ts";
import { createTestPki, type TestPki } from "./test-pki.ts";
import type { WorldConfig } from "./world.ts";

/** Who asks in every operation: those who may, and those who may not, at all times: 200 requests a second. */
export interface SteadyCast {
  readonly pki: TestPki;
  readonly callers: readonly SteadyCaller[];
  /** The CRLs that this cast begins with; the intermediate's lists one of it. */
  readonly files: Readonly<Record<string, string>>;
  /** Serial numbers that every later CRL of the intermediate must list again. */
  readonly revoked: readonly { readonly serial: string }[];
  /** Makes them known to a configuration. */
  readonly enter: (config: WorldConfig) => void;
}

export async function steadyCast(pki?: TestPki): Promise<SteadyCast> {
  const own = pki ?? (await createTestPki());
  const stranger = await createAuthority({ subject: "CN=Nobody's CA" });
  const [line, office, visitor, revoked, ungranted, untrusted] = await Promise.all([
    ...["line", "office", "visitor", "revoked", "ungranted"].map((name) =>
      own.intermediate.issue({ subject: `CN=${name}` }),
    ),
    stranger.issue({ subject: "CN=untrusted" }),
  ] as const);
  const [lineClient, officeClient] = [some(line), some(office)];
  const crl = await own.intermediate.crl({ number: 2, revoked: [{ serial: some(revoked).serial }] });
  const caller = (
    name: string,
    client: IssuedCertificate | undefined,
    perSecond: number,
    more: Partial<SteadyCaller> = {},
  ): SteadyCaller => ({ name, client: some(client), perSecond, expect: "answered", ...more });
  return {
    pki: own,
    callers: [
      caller("line", lineClient, 100),
      caller("line, streams", lineClient, 14, { streamed: true }),
      caller("office", officeClient, 50),
      caller("office, streams", officeClient, 8, { streamed: true }),
      caller("visitor", visitor, 6, { fresh: true }),
      caller("revoked", revoked, 4, { expect: { refused: "client_certificate_revoked" } }),
      caller("ungranted", ungranted, 14, { expect: { refused: "deployment_not_permitted" } }),
      caller("untrusted", untrusted, 4, { expect: { refused: "client_certificate_untrusted" } }),
    ],
    files: { "intermediate.crl": crl.pem },
    revoked: [{ serial: some(revoked).serial }],
    enter(config) {
      // The load, and mostly the gateway, share a machine with other tests: how late it is is not what is looked at.
      config["limits"] = { ...config["limits"], eventLoopLagMs: 5000 };
      for (const [name, client] of Object.entries({ line, office, visitor, revoked, ungranted }))
        config["clients"][name] = {
          thumbprints: [some(client).thumbprint],
          deployments: [name === "ungranted" ? "gpt-other" : "gpt-test"],
        };
    },
  };
}

const some = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("it is there");
  return value;
};

/** Streams of some 300 ms. */
export const steadyPace = { intervalMs: 40 };
