import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { createAuthority, type KeyAlgorithm } from "../../src/dev/pki/authority.ts";
import { toPkcs12 } from "../../src/dev/pki/pkcs12.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { fileServerCertificate } from "../../src/trust/adapters/file-server-certificate.ts";
import { keyVaultServerCertificate } from "../../src/trust/adapters/key-vault-server-certificate.ts";
import type { ServerCertificateSource } from "../../src/trust/ports.ts";
import { startVaultUnderTest, type VaultUnderTest } from "../support/local-vault.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;
type Issued = Awaited<ReturnType<Authority["issue"]>>;

let vault: VaultUnderTest;
let folder: string;
let root: Authority;
let intermediate: Authority;
const leaves = new Map<KeyAlgorithm, Issued>();
const keyAlgorithms = ["rsa-2048", "ec-p256", "ec-p384", "ed25519"] as const;

beforeAll(async () => {
  vault = await startVaultUnderTest();
  folder = await mkdtemp(join(tmpdir(), "certgate-server-"));
  root = await createAuthority({ subject: "CN=Server Root", keyAlgorithm: "rsa-2048" });
  intermediate = await createAuthority({ subject: "CN=Server CA", issuer: root, keyAlgorithm: "rsa-2048" });
  for (const keyAlgorithm of keyAlgorithms)
    leaves.set(
      keyAlgorithm,
      await intermediate.issue({
        subject: `CN=gateway-${keyAlgorithm}`,
        keyAlgorithm,
        extendedKeyUsage: ["serverAuth"],
      }),
    );
});
afterEach(() => vault.server.faults.clear());
afterAll(async () => {
  await vault.server.stop();
  await rm(folder, { recursive: true });
});

const fetchFrom = (source: ServerCertificateSource) => source.fetch(new AbortController().signal);

function leafOf(keyAlgorithm: KeyAlgorithm): Issued {
  const leaf = leaves.get(keyAlgorithm);
  if (leaf === undefined) throw new Error(`no leaf with ${keyAlgorithm}`);
  return leaf;
}

async function sentenceOf(source: ServerCertificateSource): Promise<string> {
  const outcome = await fetchFrom(source).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof GatewayError)) throw new Error("expected a GatewayError", { cause: outcome });
  return describeFault(outcome);
}

/** Writes a file into the test's folder. @returns its path */
async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

interface Adapter {
  readonly name: string;
  readonly from: (item: string, leaf: Issued) => Promise<ServerCertificateSource>;
}

const adapters: readonly Adapter[] = [
  {
    name: "PEM files",
    from: async (item, leaf) =>
      fileServerCertificate({
        file: await file(`${item}.pem`, leaf.chainPem),
        keyFile: await file(`${item}.key`, leaf.keyPem),
      }),
  },
  {
    name: "one PEM file",
    from: async (item, leaf) =>
      fileServerCertificate({ file: await file(`${item}-all.pem`, leaf.keyPem + leaf.chainPem) }),
  },
  {
    name: "PKCS#12 file with a password",
    from: async (item, { chain, keyObject }) =>
      fileServerCertificate({
        file: await file(`${item}.pfx`, toPkcs12({ chain, privateKey: keyObject, password: "geheim" })),
        passphrase: "geheim",
      }),
  },
  {
    name: "PKCS#12 file in the old encryption",
    from: async (item, { chain, keyObject }) =>
      fileServerCertificate({
        file: await file(`${item}-old.pfx`, toPkcs12({ chain, privateKey: keyObject, protection: "3des" })),
      }),
  },
  {
    name: "Key Vault with PKCS#12",
    from: async (item, { chainPem, keyPem }) => {
      vault.server.contents.setCertificate(item, { chainPem, keyPem });
      return keyVaultServerCertificate(vault.client, item);
    },
  },
  {
    name: "Key Vault with PEM",
    from: async (item, { chainPem, keyPem }) => {
      vault.server.contents.setCertificate(`${item}-pem`, {
        chainPem,
        keyPem,
        contentType: "application/x-pem-file",
      });
      return keyVaultServerCertificate(vault.client, `${item}-pem`);
    },
  },
];

const cases = adapters.flatMap((adapter) =>
  keyAlgorithms.map((keyAlgorithm) => ({ ...adapter, keyAlgorithm })),
);

describe.each(cases)("$name, $keyAlgorithm", ({ from, keyAlgorithm }) => {
  it("gives the exact chain, leaf first, without the root, and the key that node:tls takes", async () => {
    const leaf = leafOf(keyAlgorithm);
    const got = await fetchFrom(await from(keyAlgorithm, leaf));
    const blocks = got.certificateChainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
    expect(blocks.map((pem) => new X509Certificate(pem).raw.toString("hex"))).toEqual(
      leaf.chain.map((der) => der.toString("hex")),
    );
    expect(createPrivateKey(got.privateKeyPem).equals(leaf.keyObject)).toBe(true);
    expect(got.notAfter).toBe(leaf.notAfter.getTime());
    expect(() =>
      createSecureContext({ cert: got.certificateChainPem, key: got.privateKeyPem }),
    ).not.toThrow();
  });
});

describe("a server certificate", () => {
  it("comes out in order whatever the order of the file", async () => {
    const leaf = leafOf("ec-p256");
    const shuffled = root.pem + intermediate.pem + leaf.pem;
    const got = await fetchFrom(
      fileServerCertificate({ file: await file("shuffled.pem", shuffled + leaf.keyPem) }),
    );
    expect(got.certificateChainPem).toBe(
      leaf.chain.map((der) => new X509Certificate(der).toString()).join(""),
    );
  });

  it("is refused when its key is another one's", async () => {
    const source = fileServerCertificate({
      file: await file("mismatch.pem", leafOf("ec-p256").chainPem + leafOf("ec-p384").keyPem),
    });
    expect(await sentenceOf(source)).toMatch(/the private key belongs to none of the 2 certificates/);
  });

  it("is refused without a key, and the sentence says so", async () => {
    const source = fileServerCertificate({ file: await file("keyless.pem", leafOf("ec-p256").chainPem) });
    expect(await sentenceOf(source)).toMatch(/there is no private key in PEM form/);
  });

  it("is refused with an encrypted key", async () => {
    const leaf = leafOf("ec-p256");
    const encrypted = leaf.keyObject.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    const source = fileServerCertificate({ file: await file("encrypted.pem", leaf.chainPem + encrypted) });
    expect(await sentenceOf(source)).toMatch(/the private key is encrypted/);
  });

  it("in PKCS#12 with a wrong password says so and shows no content", async () => {
    const { chain, keyObject } = leafOf("rsa-2048");
    const bytes = toPkcs12({ chain, privateKey: keyObject, password: "right" });
    const source = fileServerCertificate({ file: await file("wrong.pfx", bytes), passphrase: "wrong" });
    expect(await sentenceOf(source)).toMatch(/cannot be opened; is it damaged, or is its password wrong/);
  });

  it.each([
    ["cut", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ["changed", (bytes: Buffer) => Buffer.from(bytes).fill(0xff, 400, 420)],
  ])("in PKCS#12 that was %s is a fault, not a crash", async (name, damage) => {
    const { chain, keyObject } = leafOf("rsa-2048");
    const bytes = damage(toPkcs12({ chain, privateKey: keyObject }));
    const source = fileServerCertificate({ file: await file(`${name}.pfx`, bytes) });
    expect(await sentenceOf(source)).toMatch(/cannot be opened/);
  });

  it("shows no key material in any fault", async () => {
    const { keyPem, chainPem } = leafOf("rsa-2048");
    const broken = keyPem.replace(/\n(.{20})/, "\nAAAAAAAAAAAAAAAAAAAA");
    const sentence = await sentenceOf(
      fileServerCertificate({ file: await file("b.pem", chainPem + broken) }),
    );
    for (const line of keyPem.split("\n").slice(1, -2)) expect(sentence).not.toContain(line);
  });

  it("in a vault is rotated by a new version", async () => {
    const put = ({ chainPem, keyPem }: Issued) =>
      vault.server.contents.setCertificate("rotating", { chainPem, keyPem });
    put(leafOf("rsa-2048"));
    const source = keyVaultServerCertificate(vault.client, "rotating");
    const before = await fetchFrom(source);
    put(leafOf("ec-p256"));
    const after = await fetchFrom(source);
    expect(new X509Certificate(before.certificateChainPem).subject).toBe("CN=gateway-rsa-2048");
    expect(new X509Certificate(after.certificateChainPem).subject).toBe("CN=gateway-ec-p256");
  });

  it("in a vault that fails says why", async () => {
    vault.server.faults.always(faults.forbiddenByRbac());
    expect(await sentenceOf(keyVaultServerCertificate(vault.client, "any"))).toMatch(/may not read it/);
  });

  it("whose vault keeps its key inside says what is missing", async () => {
    // A key that is not exportable leaves only the certificate in the secret.
    vault.server.contents.setSecret("inside", { value: leafOf("ec-p256").chainPem });
    expect(await sentenceOf(keyVaultServerCertificate(vault.client, "inside"))).toMatch(
      /is its key exportable\?: there is no private key/,
    );
  });
});
