import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { EntraAuthority } from "../../src/credential/adapters/entra.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import type { AppRegistration } from "../../src/dev/azure/entra/app-registration.ts";
import { type LocalEntra, startEntra } from "../../src/dev/azure/entra/server.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createTestPki, type TestPki } from "./test-pki.ts";

/** A local Entra with one app that may prove itself in every way, and what it needs for that. */
export interface EntraUnderTest {
  readonly entra: LocalEntra;
  readonly tokens: AccessTokens;
  readonly pki: TestPki;
  readonly tenantId: string;
  readonly app: AppRegistration;
  readonly authority: EntraAuthority;
  readonly secret: string;
  /** Registered with the app. */
  readonly certificate: IssuedCertificate;
  /** A cluster's token for the app's service account. */
  federatedToken(claims?: Readonly<Record<string, unknown>>, key?: KeyObject): string;
}

export const clusterIssuer = "https://cluster.example/issuer";

export async function startEntraUnderTest(
  shared: { readonly pki?: TestPki; readonly tokens?: AccessTokens } = {},
): Promise<EntraUnderTest> {
  const pki = shared.pki ?? (await createTestPki("Entra"));
  const tokens = shared.tokens ?? new AccessTokens(systemClock);
  const cluster = generateKeyPairSync("rsa", { modulusLength: 2048 });
  // Entra takes RSA only.
  const certificate = await pki.intermediate.issue({ subject: "CN=gateway-app", keyAlgorithm: "rsa-2048" });
  const tenantId = "aaaaaaaa-0000-4000-8000-000000000001";
  const secret = "kX~8secret-of-the-app_value.that-must-not-leak";
  const app: AppRegistration = {
    clientId: "bbbbbbbb-0000-4000-8000-000000000002",
    objectId: "cccccccc-0000-4000-8000-000000000003",
    secrets: [secret],
    expiredSecrets: ["secret-of-last-year"],
    certificates: [certificate.pem],
    federated: [
      {
        issuer: clusterIssuer,
        subject: "system:serviceaccount:certgate:gateway",
        audience: "api://AzureADTokenExchange",
        key: cluster.publicKey,
      },
    ],
  };
  const entra = await startEntra({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    tokens,
    tenantId,
    apps: [app],
  });
  return {
    entra,
    tokens,
    pki,
    tenantId,
    app,
    secret,
    certificate,
    authority: { host: entra.url, isCustom: true, ca: pki.root.pem },
    federatedToken(claims = {}, key = cluster.privateKey) {
      const now = Math.floor(Date.now() / 1000);
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const signed = `${part({ alg: "RS256", kid: "1" })}.${part({
        iss: clusterIssuer,
        sub: "system:serviceaccount:certgate:gateway",
        aud: ["api://AzureADTokenExchange"],
        iat: now,
        nbf: now,
        exp: now + 3600,
        ...claims,
      })}`;
      return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
    },
  };
}
