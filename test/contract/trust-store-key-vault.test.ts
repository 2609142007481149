import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Fault, faults } from "../../src/dev/azure/faults.ts";
import { createAuthority } from "../../src/dev/pki/authority.ts";
import { describeFault } from "../../src/kernel/errors.ts";
import {
  keyVaultCertificate,
  keyVaultSecretCertificates,
} from "../../src/trust/adapters/key-vault-certificates.ts";
import { keyVaultServerCertificate } from "../../src/trust/adapters/key-vault-server-certificate.ts";
import { createServerCertificateKeeper } from "../../src/trust/server-certificate-keeper.ts";
import { createTrustStore } from "../../src/trust/trust-store.ts";
import { startVaultUnderTest, type VaultUnderTest } from "../support/local-vault.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;

let vault: VaultUnderTest;
let first: Authority;
let second: Authority;

beforeAll(async () => {
  vault = await startVaultUnderTest();
  first = await createAuthority({ subject: "CN=First Root" });
  second = await createAuthority({ subject: "CN=Second Root" });
});
afterEach(() => vault.server.faults.clear());
afterAll(() => vault.server.stop());

/** A store over one secret and one certificate of the vault, on a clock that stands still. */
async function startStore() {
  const { contents } = vault.server;
  contents.setSecret("roots", { value: first.pem });
  contents.setCertificate("root", { chainPem: second.pem, keyPem: second.keyPem });
  const logger = createRecordingLogger();
  const store = createTrustStore({
    clock: new ManualClock(Date.now()),
    logger,
    anchors: [keyVaultSecretCertificates(vault.client, "roots"), keyVaultCertificate(vault.client, "root")],
    refreshMs: 300_000,
    maxStaleMs: 86_400_000,
    crlRefreshMs: 300_000,
  });
  await store.start();
  const subjects = () => store.current().anchors.map(({ subject }) => subject.text);
  return { store, logger, subjects };
}

describe("a trust store over a real vault", () => {
  it("sees both roots during a rotation, and then the new one only", async () => {
    const { store, subjects } = await startStore();
    expect(subjects()).toEqual(["CN=First Root", "CN=Second Root"]);
    const third = await createAuthority({ subject: "CN=Third Root" });
    vault.server.contents.setSecret("roots", { value: first.pem + third.pem });
    await store.refresh();
    expect(subjects()).toEqual(["CN=First Root", "CN=Third Root", "CN=Second Root"]);
    vault.server.contents.setSecret("roots", { value: third.pem });
    await store.refresh();
    expect(subjects()).toEqual(["CN=Third Root", "CN=Second Root"]);
  });

  it.each<[string, Fault, RegExp]>([
    ["401", { kind: "answer", status: 401, body: {} }, /does not accept the identity's token/],
    ["403", faults.forbiddenByRbac(), /may not read it/],
    ["404", { kind: "answer", status: 404, body: {} }, /there is no such item/],
    ["429", faults.throttled(30), /throttles/],
    ["500", faults.serverError(), /status 500/],
    ["503 without JSON", { kind: "answer", status: 503, body: "<html>" }, /status 503|not understood/],
    ["a reset", { kind: "reset" }, /cannot be reached/],
    ["garbage", { kind: "answer", status: 200, body: "<html>" }, /the answer is not understood/],
    ["an empty answer", { kind: "answer", status: 200, body: {} }, /the answer is not understood/],
  ])("keeps the last good ones through %s, and reports it for each source", async (_, fault, reason) => {
    const { store, subjects, logger } = await startStore();
    vault.server.faults.always(fault);
    await store.refresh();
    expect(subjects()).toEqual(["CN=First Root", "CN=Second Root"]);
    expect(store.current().version).toBe(2);
    for (const state of store.states()) {
      expect(state.freshness).toBe("stale");
      expect(describeFault(state.lastError)).toMatch(reason);
    }
    expect(logger.lines.filter(({ level }) => level === "warn")).toHaveLength(2);
    vault.server.faults.clear();
    await store.refresh();
    expect(store.states().map(({ freshness }) => freshness)).toEqual(["fresh", "fresh"]);
  });

  it("keeps the last good one of an item that was disabled, and reports it", async () => {
    const { store, subjects } = await startStore();
    vault.server.contents.setEnabled("roots", false);
    await store.refresh();
    expect(subjects()).toEqual(["CN=First Root", "CN=Second Root"]);
    const [roots, root] = store.states();
    expect(describeFault(roots?.lastError)).toMatch(/disabled/);
    expect(root?.freshness).toBe("fresh");
  });

  it("starts without the vault, in time, and trusts nobody", async () => {
    vault.server.faults.always({ kind: "reset" });
    const { store, subjects } = await startStore();
    expect(subjects()).toEqual([]);
    expect(store.current().version).toBe(0);
    expect(store.states().map(({ freshness }) => freshness)).toEqual(["empty", "empty"]);
  });
});

describe("the server certificate's keeper over a real vault", () => {
  it("follows a renewal and keeps the old one through a fault", async () => {
    const put = async (subject: string) => {
      const leaf = await first.issue({ subject, extendedKeyUsage: ["serverAuth"] });
      vault.server.contents.setCertificate("gateway", { chainPem: leaf.chainPem, keyPem: leaf.keyPem });
    };
    await put("CN=one");
    const keeper = createServerCertificateKeeper({
      clock: new ManualClock(Date.now()),
      logger: createRecordingLogger(),
      source: keyVaultServerCertificate(vault.client, "gateway"),
      refreshMs: 300_000,
    });
    await keeper.start();
    const one = keeper.current();
    vault.server.faults.always(faults.serverError());
    await keeper.refresh();
    expect(keeper.current()).toBe(one);
    expect(keeper.state().freshness).toBe("stale");
    vault.server.faults.clear();
    await put("CN=two");
    await keeper.refresh();
    expect(keeper.current()?.certificateChainPem).not.toBe(one?.certificateChainPem);
    expect(keeper.state().freshness).toBe("fresh");
  });
});
