import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { createAuthority } from "../../src/dev/pki/authority.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { fileCertificates } from "../../src/trust/adapters/file-certificates.ts";
import {
  keyVaultCertificate,
  keyVaultSecretCertificates,
} from "../../src/trust/adapters/key-vault-certificates.ts";
import type { CertificateSource } from "../../src/trust/ports.ts";
import { startVaultUnderTest, type VaultUnderTest } from "../support/local-vault.ts";

type Made = Awaited<ReturnType<typeof createAuthority>>;

let vault: VaultUnderTest;
let folder: string;
let first: Made;
let second: Made;

beforeAll(async () => {
  vault = await startVaultUnderTest();
  folder = await mkdtemp(join(tmpdir(), "certgate-sources-"));
  first = await createAuthority({ subject: "CN=First Root" });
  second = await createAuthority({ subject: "CN=Second Root" });
});
afterEach(() => vault.server.faults.clear());
afterAll(async () => {
  await vault.server.stop();
  await rm(folder, { recursive: true });
});

const fetchFrom = (source: CertificateSource) => source.fetch(new AbortController().signal);
const hex = (ders: readonly Uint8Array[]) => ders.map((der) => Buffer.from(der).toString("hex"));

async function sentenceOf(source: CertificateSource): Promise<string> {
  const outcome = await fetchFrom(source).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof GatewayError)) throw new Error("expected a GatewayError", { cause: outcome });
  expect(outcome.code).toBe("trust_unavailable");
  return describeFault(outcome);
}

const secretSource = (item: string) => keyVaultSecretCertificates(vault.client, item);
const one = (client = vault.client) => keyVaultSecretCertificates(client, "one");

/** One adapter: how its content is put and taken away from outside. */
interface Adapter {
  readonly name: string;
  readonly bundles: boolean;
  readonly source: (item: string) => CertificateSource;
  readonly put: (item: string, certificates: readonly Made[]) => Promise<void>;
  readonly remove: (item: string) => Promise<void>;
}

const adapters: readonly Adapter[] = [
  {
    name: "file",
    bundles: true,
    source: (item) => fileCertificates(join(folder, item)),
    put: (item, made) => writeFile(join(folder, item), made.map(({ pem }) => pem).join("")),
    remove: (item) => rm(join(folder, item)),
  },
  {
    name: "Key Vault secret",
    bundles: true,
    source: (item) => keyVaultSecretCertificates(vault.client, item),
    put: async (item, made) => {
      vault.server.contents.setSecret(item, { value: made.map(({ pem }) => pem).join("") });
    },
    remove: async (item) => vault.server.contents.delete(item),
  },
  {
    name: "Key Vault certificate",
    bundles: false,
    source: (item) => keyVaultCertificate(vault.client, item),
    put: async (item, made) => {
      for (const { pem, keyPem } of made)
        vault.server.contents.setCertificate(item, { chainPem: pem, keyPem });
    },
    remove: async (item) => vault.server.contents.delete(item),
  },
];

describe.each(adapters)("$name as a source of certificates", ({ source, put, remove, bundles }) => {
  it("gives the certificate's DER", async () => {
    await put("one", [first]);
    expect(hex(await fetchFrom(source("one")))).toEqual(hex([first.certificate]));
  });

  it.runIf(bundles)("gives every certificate of a bundle, in order", async () => {
    await put("both", [first, second]);
    expect(hex(await fetchFrom(source("both")))).toEqual(hex([first.certificate, second.certificate]));
  });

  it("sees a rotation with the next fetch", async () => {
    await put("rotating", [first]);
    const rotating = source("rotating");
    await fetchFrom(rotating);
    await put("rotating", [second]);
    expect(hex(await fetchFrom(rotating))).toEqual(hex([second.certificate]));
  });

  it("says which item is missing, and recovers when it is there", async () => {
    const late = source("late");
    expect(await sentenceOf(late)).toContain("late");
    await put("late", [first]);
    expect(await fetchFrom(late)).toHaveLength(1);
    await remove("late");
    expect(await sentenceOf(late)).toContain("late");
  });

  it("ends with its signal", async () => {
    await put("one", [first]);
    await expect(source("one").fetch(AbortSignal.abort())).rejects.toThrow(/./);
  });
});

describe("a file", () => {
  it("may be DER", async () => {
    await writeFile(join(folder, "root.cer"), first.certificate);
    expect(hex(await fetchFrom(fileCertificates(join(folder, "root.cer"))))).toEqual(
      hex([first.certificate]),
    );
  });

  it("without a certificate is a fault that names it", async () => {
    await writeFile(join(folder, "note.txt"), "nothing here");
    expect(await sentenceOf(fileCertificates(join(folder, "note.txt")))).toMatch(
      /note\.txt holds no readable certificate/,
    );
  });

  it("that is enormous is refused before it is read", async () => {
    await writeFile(join(folder, "big.pem"), Buffer.alloc(17 * 1024 * 1024));
    expect(await sentenceOf(fileCertificates(join(folder, "big.pem")))).toMatch(/the limit is 16777216/);
  });
});

describe("a Key Vault secret", () => {
  it("without PEM is a fault that names it and shows nothing of it", async () => {
    vault.server.contents.setSecret("password", { value: "hunter2" });
    const sentence = await sentenceOf(secretSource("password"));
    expect(sentence).toMatch(/secret password in https:.* holds no PEM CERTIFICATE block/);
    expect(sentence).not.toContain("hunter2");
  });

  it("that expired is a fault, although the vault still serves it", async () => {
    vault.server.contents.setSecret("old", { value: first.pem, expiresOn: new Date(Date.UTC(2020, 0, 1)) });
    expect(await sentenceOf(secretSource("old"))).toMatch(/old .* expired at 2020-01-01T00:00:00.000Z/);
  });

  it("that is not valid yet is a fault", async () => {
    vault.server.contents.setSecret("early", { value: first.pem, notBefore: new Date(Date.UTC(2100, 0, 1)) });
    expect(await sentenceOf(secretSource("early"))).toMatch(/is not valid before 2100/);
  });

  it("that is disabled says so", async () => {
    vault.server.contents.setSecret("off", { value: first.pem });
    vault.server.contents.setEnabled("off", false);
    expect(await sentenceOf(secretSource("off"))).toMatch(/disabled; enable it/);
  });
});

describe("a Key Vault certificate", () => {
  it("that is disabled says so, although the vault still serves it", async () => {
    vault.server.contents.setCertificate("off-cert", { chainPem: first.pem, keyPem: first.keyPem });
    vault.server.contents.setEnabled("off-cert", false);
    expect(await sentenceOf(keyVaultCertificate(vault.client, "off-cert"))).toMatch(/disabled; enable it/);
  });

  it("that expired says so", async () => {
    const expired = await createAuthority({
      subject: "CN=Expired Root",
      notBefore: new Date(Date.UTC(2019, 0, 1)),
      notAfter: new Date(Date.UTC(2020, 0, 1)),
    });
    vault.server.contents.setCertificate("gone", { chainPem: expired.pem, keyPem: expired.keyPem });
    expect(await sentenceOf(keyVaultCertificate(vault.client, "gone"))).toMatch(/expired at 2020/);
  });
});

describe("a vault", () => {
  it("is asked without a token once, and with the token of its challenge from then on", async () => {
    const source = one(vault.connect());
    vault.server.contents.setSecret("one", { value: first.pem });
    vault.server.requests.clear();
    await fetchFrom(source);
    await fetchFrom(source);
    expect(vault.server.requests.all.map(({ authenticated }) => authenticated)).toEqual([false, true, true]);
    // Never an id with a version: it would not see a rotation.
    expect(new Set(vault.server.requests.all.map(({ path }) => path))).toEqual(new Set(["/secrets/one/"]));
  });

  it("that refuses the token says whose token it wants", async () => {
    const stranger = vault.connect({
      tokens: { getToken: async () => ({ token: "foreign", expiresOnTimestamp: Date.now() + 3_600_000 }) },
    });
    expect(await sentenceOf(one(stranger))).toMatch(/does not accept the identity's token/);
  });

  it.each([
    ["403", faults.forbiddenByRbac(), /may not read it; give it the roles "Key Vault Secrets User"/],
    ["500", faults.serverError(), /fails with status 500/],
    ["a reset", { kind: "reset" } as const, /cannot be reached/],
  ])("with %s says what to do, at once", async (_, fault, sentence) => {
    vault.server.faults.always(fault);
    const started = Date.now();
    expect(await sentenceOf(one())).toMatch(sentence);
    expect(Date.now() - started).toBeLessThan(1500);
  });

  it("that throttles is not waited for, and its pause is passed on", async () => {
    vault.server.faults.always(faults.throttled(42));
    const outcome = await fetchFrom(one()).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(GatewayError);
    expect(outcome).toMatchObject({ retryAfterSeconds: 42, message: expect.stringMatching(/throttles/) });
  });

  it("that hangs is left with the signal", async () => {
    vault.server.faults.always({ kind: "hang" });
    const leaving = new AbortController();
    const arrived = vault.server.requests.next();
    const waiting = one().fetch(leaving.signal);
    waiting.catch(() => {});
    await arrived;
    leaving.abort();
    await expect(waiting).rejects.toThrow(/./);
  });

  it("with a TLS certificate of an unknown CA says so", async () => {
    expect(await sentenceOf(one(vault.connect({ ca: first.pem })))).toMatch(/TLS certificate is not trusted/);
  });

  it("that is not there says so within seconds", async () => {
    const started = Date.now();
    expect(await sentenceOf(one(vault.connect({ url: "https://localhost:1" })))).toMatch(/cannot be reached/);
    expect(Date.now() - started).toBeLessThan(2000);
  });

  it("whose identity has no token gives the identity's sentence", async () => {
    const nobody = vault.connect({
      tokens: {
        getToken: () =>
          Promise.reject(new GatewayError("credential_unavailable", "managed identity x: not assigned")),
      },
    });
    expect(await sentenceOf(one(nobody))).toMatch(/no token for the vault.*managed identity x: not assigned/);
  });

  it("that breaks off within a secret shows nothing of it in the fault", async () => {
    const body = '{"value":"-----BEGIN PRIVATE KEY-----MIIEvQ';
    vault.server.faults.always({ kind: "answer", status: 200, body });
    expect(await sentenceOf(one())).toMatch(/the answer is not understood/);
    const outcome = await fetchFrom(one()).catch((error: unknown) => error);
    const { inspect } = await import("node:util");
    expect(inspect(outcome, { depth: 10, showHidden: true })).not.toMatch(/PRIVATE KEY|MIIEvQ/);
  });

  it("shows no token in its faults, however they are printed", async () => {
    vault.server.faults.always(faults.serverError());
    const outcome = await fetchFrom(one()).catch((error: unknown) => error);
    const { inspect } = await import("node:util");
    expect(inspect(outcome, { depth: 10, showHidden: true })).not.toMatch(/Bearer|local\./);
  });
});
