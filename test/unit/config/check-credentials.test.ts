import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { tempDir } from "../../support/temp-dir.ts";

const id = "11111111-2222-3333-4444-555555555555";

/** The problems of a configuration with these credentials and vaults, each as `path: message (hint)`. */
async function problemsOf(credentials: object, keyVaults: object = {}): Promise<string[]> {
  const folder = await tempDir();
  for (const name of ["server.pem", "ca.pem", "key.txt"]) await writeFile(join(folder, name), "");
  const file = join(folder, "certgate.yaml");
  const config = {
    listen: { certificate: { file: "server.pem" } },
    trust: { anchors: [{ file: "ca.pem" }], revocation: { mode: "off" } },
    credentials,
    keyVaults,
    backends: { main: { endpoint: "https://x.openai.azure.com", credential: Object.keys(credentials)[0] } },
    deployments: { gpt: { backend: "main" } },
    clients: { one: { thumbprints: ["a".repeat(64)], deployments: ["gpt"] } },
  };
  await writeFile(file, JSON.stringify(config));
  const { problems } = await loadConfig(file);
  return problems.map(({ path, message, hint }) => `${path}: ${message} (${hint})`);
}

const vault = (credential: string) => ({ url: "https://v.vault.azure.net", credential });

describe("credentials of every type", () => {
  it.each<[string, object]>([
    ["managed-identity", { resourceId: "/subscriptions/s", cloud: "us-government", audience: "https://x" }],
    ["workload-identity", {}],
    ["workload-identity", { tokenFile: "key.txt", clientId: id, tenantId: id, cloud: "china" }],
    ["client-secret", { tenantId: id, clientId: id, secret: { env: "CLIENT_SECRET" } }],
    ["client-secret", { tenantId: "contoso.com", clientId: id, secret: { file: "key.txt" } }],
    [
      "client-certificate",
      {
        tenantId: id,
        clientId: id,
        certificate: { file: "ca.pem", keyFile: "key.txt" },
        sendCertificateChain: true,
      },
    ],
    ["azure-cli", { tenantId: id, subscription: "My Sub" }],
    [
      "default",
      { managedIdentityClientId: id, cloud: { authorityHost: "https://login.x", caFile: "ca.pem" } },
    ],
    ["api-key", { primary: { env: "KEY_1" }, secondary: { file: "key.txt" }, refreshSeconds: 60 }],
    ["none", {}],
  ])("%s %o is taken", async (type, options) => {
    expect(await problemsOf({ main: { type, ...options } })).toEqual([]);
  });
});

describe("a credential that is wrong", () => {
  it("of a type that is nearly one gets the type that was meant", async () => {
    expect(await problemsOf({ main: { type: "managed-identiy" } })).toEqual([
      'credentials.main.type: is none of the known ones (Did you mean "managed-identity"?)',
    ]);
  });

  it("without a type gets the list", async () => {
    const [problem] = await problemsOf({ main: {} });
    expect(problem).toMatch(
      /^credentials\.main\.type: is missing \(Add it: managed-identity, workload-identity/,
    );
  });

  it("with another type's key is told whose it is", async () => {
    const problems = await problemsOf({
      main: { type: "managed-identity", tokenFile: "key.txt", cleintId: id },
    });
    expect(problems).toEqual([
      "credentials.main.tokenFile: is not a key that is known here (It belongs to type workload-identity.)",
      'credentials.main.cleintId: is not a key that is known here (Did you mean "clientId"?)',
    ]);
  });

  it.each(["text", 12345])(
    "with its secret in the file is told where to put it, and %s is not repeated",
    async (secret) => {
      const problems = await problemsOf({
        main: { type: "client-secret", tenantId: id, clientId: id, secret },
      });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(
        /^credentials\.main\.secret: must not stand in the configuration.*\{ env: NAME \}.*\(One of the forms \{ env \}/,
      );
      expect(problems[0]).not.toContain(`${secret} `);
      expect(problems[0]).not.toContain("12345");
    },
  );

  it("with a scope and an audience has one too many", async () => {
    const [problem] = await problemsOf({ main: { type: "azure-cli", scope: "a/.default", audience: "a" } });
    expect(problem).toMatch(/by `scope` or by `audience`: one of them/);
  });

  it("with a file that is not there or a vault that is not defined", async () => {
    const problems = await problemsOf({
      main: {
        type: "api-key",
        primary: { file: "none.txt" },
        secondary: { keyVault: "lost", secret: "s" },
      },
    });
    expect(problems).toEqual([
      expect.stringMatching(/^credentials\.main\.primary\.file: .*none\.txt does not exist/),
      expect.stringMatching(/^credentials\.main\.secondary\.keyVault: names the key vault "lost"/),
    ]);
  });

  it("with an authority that is no https origin", async () => {
    const cloud = { authorityHost: "https://login.example/tenant" };
    const [problem] = await problemsOf({ main: { type: "default", cloud } });
    expect(problem).toMatch(/^credentials\.main\.cloud\.authorityHost: must be an origin, without a path/);
  });
});

describe("Key Vaults and credentials", () => {
  it("a vault takes no API key", async () => {
    const problems = await problemsOf(
      { main: { type: "api-key", primary: { env: "K" } } },
      { secrets: vault("main") },
    );
    expect(problems).toEqual([
      expect.stringMatching(
        /^keyVaults\.secrets\.credential: names "main", which is of type api-key and gives no tokens.*managed-identity/,
      ),
    ]);
  });

  it("a credential may take its secret from a vault that another one opens", async () => {
    const problems = await problemsOf(
      {
        main: {
          type: "client-secret",
          tenantId: id,
          clientId: id,
          secret: { keyVault: "secrets", secret: "s" },
        },
        host: { type: "managed-identity" },
      },
      { secrets: vault("host") },
    );
    expect(problems).toEqual([]);
  });

  it("a credential may not need itself, over however many vaults", async () => {
    const secretIn = (keyVault: string) => ({
      type: "client-secret",
      tenantId: id,
      clientId: id,
      secret: { keyVault, secret: "s" },
    });
    const problems = await problemsOf(
      { a: secretIn("one"), b: secretIn("two"), c: secretIn("one") },
      { one: vault("b"), two: vault("a") },
    );
    expect(problems).toEqual([
      expect.stringMatching(
        /^credentials\.a\.secret\.keyVault: needs itself: one is opened with b, two is opened with a \(Open that vault with a credential that needs no secret/,
      ),
      expect.stringMatching(/^credentials\.b\.secret\.keyVault: needs itself: two is opened with a, one/),
    ]);
  });
});
