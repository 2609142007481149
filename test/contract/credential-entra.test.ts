import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createClientCertificateCredential } from "../../src/credential/adapters/client-certificate.ts";
import { createClientSecretCredential } from "../../src/credential/adapters/client-secret.ts";
import { createWorkloadIdentityCredential } from "../../src/credential/adapters/workload-identity.ts";
import type { CertificateWithKeySource } from "../../src/credential/secret-source.ts";
import { createTokenKeeper } from "../../src/credential/token-keeper.ts";
import { type Fault, faults } from "../../src/dev/azure/faults.ts";
import { tokenRequestsOnly } from "../../src/dev/azure/entra/server.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { TokenSource } from "../../src/model/token-source.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";

const scope = "https://cognitiveservices.azure.com/.default";
let world: EntraUnderTest;
let folder: string;
let tokenFile: string;

beforeAll(async () => {
  world = await startEntraUnderTest();
  folder = await mkdtemp(join(tmpdir(), "certgate-entra-"));
  tokenFile = join(folder, "token");
});
afterEach(() => {
  world.entra.faults.clear();
  world.entra.requests.clear();
  world.entra.setTokenLifetime(3600);
});
afterAll(async () => {
  await world.entra.stop();
  await rm(folder, { recursive: true, force: true });
});

const withSecret = (own: { read?: () => Promise<string>; tenantId?: string; clientId?: string } = {}) =>
  createClientSecretCredential({
    tenantId: own.tenantId ?? world.tenantId,
    clientId: own.clientId ?? world.app.clientId,
    secret: { name: "test", read: own.read ?? (async () => world.secret) },
    authority: world.authority,
  });

const certificateOf = ({ chainPem, keyPem }: IssuedCertificate) => ({
  certificateChainPem: chainPem,
  privateKeyPem: keyPem,
  notAfter: Date.now() + 86_400_000,
});

const withCertificate = (fetch: CertificateWithKeySource["fetch"], sendCertificateChain = false) =>
  createClientCertificateCredential({
    tenantId: world.tenantId,
    clientId: world.app.clientId,
    certificate: { name: "file app.pem", fetch },
    sendCertificateChain,
    authority: world.authority,
    clock: systemClock,
  });

const withToken = () =>
  createWorkloadIdentityCredential({
    tenantId: world.tenantId,
    clientId: world.app.clientId,
    tokenFile,
    authority: world.authority,
  });

async function faultOf(source: TokenSource): Promise<GatewayError> {
  const outcome = await source.getToken(scope).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof GatewayError) return outcome;
  throw new Error("expected a GatewayError", { cause: outcome });
}

const keep = (source: TokenSource, clock: Clock = systemClock) =>
  createTokenKeeper({
    name: "main",
    clock,
    logger: silentLogger,
    timeoutMs: 1000,
    fetchToken: (abortSignal, renew) => source.getToken(scope, { abortSignal, renew }),
  });

const unavailable = async (source: TokenSource, clock?: Clock): Promise<GatewayError> => {
  const keeper = keep(source, clock);
  const error = await keeper.headers().catch((fault: unknown) => fault);
  keeper.stop();
  if (!(error instanceof GatewayError)) throw new Error("expected a GatewayError", { cause: error });
  return error;
};

describe.each([
  ["a client secret", () => withSecret()],
  ["a client certificate", () => withCertificate(async () => certificateOf(world.certificate))],
  ["a workload identity", () => withToken()],
])("%s in front of an Entra that fails", (_, make) => {
  beforeAll(() => writeFile(tokenFile, world.federatedToken()));

  it.each<[string, Fault, RegExp]>([
    ["404", { kind: "answer", status: 404, body: { error: "not_found" } }, /status 404; are tenantId/],
    ["410", { kind: "answer", status: 410, body: { error: "gone" } }, /status 410/],
    ["429 with Retry-After", faults.throttled(17), /throttles/],
    ["429 without", { kind: "answer", status: 429, body: { error: "throttled" } }, /throttles/],
    ["500", faults.serverError(), /fails with status 500/],
    ["a reset", { kind: "reset" }, /cannot be reached/],
    ["garbage", { kind: "answer", status: 200, body: "<html>hello</html>" }, /something else answers there/],
  ])("%s: says so at once, and works when it is over", async (__, fault, sentence) => {
    for (const applies of [() => true, tokenRequestsOnly]) {
      const source = make();
      world.entra.faults.always(fault, applies);
      const started = Date.now();
      const error = await faultOf(source);
      expect(error.message).toMatch(sentence);
      expect(Date.now() - started).toBeLessThan(1500);
      expect(error.retryAfterSeconds).toBe(
        fault.kind === "answer" && fault.headers !== undefined ? 17 : undefined,
      );
      world.entra.faults.clear();
      expect((await source.getToken(scope))?.token).toMatch(/^eyJ/);
    }
  });

  it("slow: its wait ends, and Retry-After tells when to come again", async () => {
    world.entra.faults.always({ kind: "hang" });
    const error = await unavailable(make());
    expect(describeFault(error)).toContain("no answer within 1000 ms");
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  });

  it("a clock that is wrong: the token that ends before it came is refused", async () => {
    const ahead: Clock = {
      ...systemClock,
      now: () => Date.now() + 2 * 3_600_000,
    };
    const error = await unavailable(make(), ahead);
    expect(describeFault(error)).toContain("is this machine's clock right?");
  });
});

describe("what Entra refuses says what to do", () => {
  it.each<[string, () => TokenSource, RegExp]>([
    ["a wrong secret", () => withSecret({ read: async () => "wrong" }), /secret is wrong.*AADSTS7000215/],
    [
      "a secret that has expired",
      () => withSecret({ read: async () => "secret-of-last-year" }),
      /has expired.*AADSTS7000222/,
    ],
    ["an unknown app", () => withSecret({ clientId: "0" }), /no app with this client id.*AADSTS700016/],
    ["an unknown tenant", () => withSecret({ tenantId: "nowhere.example" }), /no such tenant.*AADSTS90002/],
    [
      "a certificate that is not registered",
      () => withCertificate(async () => certificateOf(await rsa("CN=other"))),
      /does not know this certificate.*AADSTS700027/,
    ],
  ])("%s", async (_, make, sentence) => {
    const error = await faultOf(make());
    expect(error.message).toMatch(sentence);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/of-last-year|eyJ|PRIVATE/);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["another issuer", { iss: "https://other.example" }, /issuer.*AADSTS700211/],
    ["another service account", { sub: "system:serviceaccount:a:b" }, /subject.*AADSTS700213/],
    ["another audience", { aud: "x" }, /audience.*AADSTS700212/],
    ["a token that has ended", { exp: 1000 }, /clock right.*renewed.*AADSTS700024/],
  ])("a federated token of %s", async (_, claims, sentence) => {
    await writeFile(tokenFile, world.federatedToken(claims));
    expect((await faultOf(withToken())).message).toMatch(sentence);
  });

  it("a federated token that somebody else signed", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await writeFile(tokenFile, world.federatedToken({}, privateKey));
    expect((await faultOf(withToken())).message).toMatch(/AADSTS50166/);
  });

  it("a private authority whose CA is not given", async () => {
    const { host } = world.authority;
    const source = createClientSecretCredential({
      tenantId: world.tenantId,
      clientId: world.app.clientId,
      secret: { name: "test", read: async () => world.secret },
      authority: { ...(host === undefined ? {} : { host }), isCustom: true },
    });
    expect((await faultOf(source)).message).toMatch(
      /not trusted; give a private authority's CA as cloud\.caFile/,
    );
  });
});

const rsa = (subject: string) => world.pki.intermediate.issue({ subject, keyAlgorithm: "rsa-2048" });

describe("what a credential is made of may change", () => {
  it("a client secret is read again before each token", async () => {
    let value = "wrong";
    const source = withSecret({ read: async () => value });
    await faultOf(source);
    value = world.secret;
    expect((await source.getToken(scope))?.token).toBeDefined();
  });

  it("a renewed client certificate signs the next token", async () => {
    const next = await rsa("CN=gateway-app-next");
    let current = world.certificate;
    const source = withCertificate(async () => certificateOf(current));
    await source.getToken(scope);
    const { certificates } = world.app;
    world.app.certificates = [next.pem];
    current = next;
    expect((await source.getToken(scope))?.token).toBeDefined();
    expect(world.entra.requests.all.map(({ proof }) => proof)).toEqual(["certificate", "certificate"]);
    world.app.certificates = certificates;
  });

  it("a rotated federated token is the one that is exchanged", async () => {
    world.entra.setTokenLifetime(200);
    await writeFile(tokenFile, world.federatedToken());
    const source = withToken();
    await source.getToken(scope);
    await writeFile(tokenFile, world.federatedToken({ exp: 1000 }));
    expect((await faultOf(source)).message).toMatch(/AADSTS700024/);
    await writeFile(tokenFile, world.federatedToken());
    expect((await source.getToken(scope))?.token).toBeDefined();
  });
});

describe("a client certificate", () => {
  it("sends its chain where the app registration trusts a subject and issuer", async () => {
    const unregistered = await rsa("CN=gateway-by-name");
    world.app.trustedSubject = { subject: "CN=gateway-by-name", caPem: world.pki.root.pem };
    const fetch = async () => certificateOf(unregistered);
    expect((await faultOf(withCertificate(fetch))).message).toMatch(/sendCertificateChain/);
    await withCertificate(fetch, true).getToken(scope);
    expect(world.entra.requests.last?.proof).toBe("certificate-chain");
  });

  it("that has ended is named, and Entra is not asked", async () => {
    const source = withCertificate(async () => ({ ...certificateOf(world.certificate), notAfter: 1000 }));
    expect((await faultOf(source)).message).toMatch(/file app\.pem expired at 1970-.*renew it there/);
    expect(world.entra.requests.count).toBe(0);
  });

  it("with an EC key is refused with the reason", async () => {
    const ec = await world.pki.intermediate.issue({ subject: "CN=ec" });
    expect((await faultOf(withCertificate(async () => certificateOf(ec)))).message).toMatch(/no RSA key/);
  });
});

describe("a workload identity", () => {
  it("takes tenant, client and file from the environment", async () => {
    await writeFile(tokenFile, world.federatedToken());
    process.env["AZURE_TENANT_ID"] = world.tenantId;
    process.env["AZURE_CLIENT_ID"] = world.app.clientId;
    process.env["AZURE_FEDERATED_TOKEN_FILE"] = tokenFile;
    const source = createWorkloadIdentityCredential({ authority: world.authority });
    for (const name of ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"])
      delete process.env[name];
    await source.getToken(scope);
    expect(world.entra.requests.last).toMatchObject({ proof: "federated", clientId: world.app.clientId });
  });

  it("says which of them is missing", async () => {
    const source = createWorkloadIdentityCredential({ authority: world.authority, tenantId: "t" });
    expect((await faultOf(source)).message).toMatch(/neither clientId nor .* AZURE_CLIENT_ID is given/);
  });

  it("says that its token file is not there", async () => {
    const source = createWorkloadIdentityCredential({
      authority: world.authority,
      tenantId: world.tenantId,
      clientId: world.app.clientId,
      tokenFile: join(folder, "none"),
    });
    expect((await faultOf(source)).message).toMatch(/file .*none cannot be read; check the path/);
  });
});
