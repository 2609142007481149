import { createAuthority } from "../../src/dev/pki/authority.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import { type LocalKeyVault, startKeyVault } from "../../src/dev/azure/key-vault/server.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import type { TokenSource } from "../../src/model/token-source.ts";
import { createKeyVaultClient, type KeyVaultClient } from "../../src/trust/adapters/key-vault-client.ts";

export interface VaultUnderTest {
  readonly server: LocalKeyVault;
  readonly client: KeyVaultClient;
  readonly tokens: AccessTokens;
  /** PEM of the CA of the vault's TLS certificate. */
  readonly ca: string;
  /** Another client of the same vault, with its own token and without the challenge's memory. */
  connect(own?: { tokens?: TokenSource; ca?: string; url?: string; clock?: Clock }): KeyVaultClient;
}

/** A local Key Vault over https with a client that trusts it; tokens come straight from the vault's own book. */
export async function startVaultUnderTest(): Promise<VaultUnderTest> {
  const root = await createAuthority({ subject: "CN=Vault TLS Root" });
  const tls = await root.issue({
    subject: "CN=localhost",
    extendedKeyUsage: ["serverAuth"],
    subjectAltNames: [{ type: "dns", value: "localhost" }],
  });
  const tokens = new AccessTokens(systemClock);
  const server = await startKeyVault({ tls: { cert: tls.chainPem, key: tls.keyPem }, tokens });
  const issue: TokenSource = {
    getToken: (scopes) => {
      const [scope = ""] = [scopes].flat();
      const { token, expiresAt } = tokens.issue(scope.replace(/\/\.default$/, ""), 3600);
      return Promise.resolve({ token, expiresOnTimestamp: expiresAt });
    },
  };
  const connect: VaultUnderTest["connect"] = (own = {}) =>
    createKeyVaultClient({
      url: own.url ?? server.url,
      tokens: own.tokens ?? issue,
      clock: own.clock ?? systemClock,
      ca: own.ca ?? root.pem,
      verifyChallengeResource: false,
    });
  return { server, tokens, ca: root.pem, client: connect(), connect };
}
