import { beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "../../../src/dev/pki/authority.ts";
import type { ServerCertificate } from "../../../src/trust/ports.ts";
import { createServerCertificateKeeper } from "../../../src/trust/server-certificate-keeper.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;

const minute = 60_000;
const day = 86_400_000;
const start = Date.now();

let root: Authority;
let first: ServerCertificate;
let second: ServerCertificate;

async function issue(
  subject: string,
  days: readonly [number, number] = [-1, 30],
): Promise<ServerCertificate> {
  const leaf = await root.issue({
    subject,
    notBefore: new Date(start + days[0] * day),
    notAfter: new Date(start + days[1] * day),
    extendedKeyUsage: ["serverAuth"],
  });
  return {
    certificateChainPem: leaf.chainPem,
    privateKeyPem: leaf.keyPem,
    notAfter: leaf.notAfter.getTime(),
  };
}

beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
  first = await issue("CN=first");
  second = await issue("CN=second");
});

function setUp(initial: ServerCertificate | Error) {
  const clock = new ManualClock(start);
  const logger = createRecordingLogger();
  let answer = initial;
  const keeper = createServerCertificateKeeper({
    clock,
    logger,
    refreshMs: 5 * minute,
    random: () => 0,
    source: {
      name: "vault",
      fetch: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)),
    },
  });
  const changes: ServerCertificate[] = [];
  keeper.onChange((certificate) => changes.push(certificate));
  const gives = (next: ServerCertificate | Error) => {
    answer = next;
  };
  return { clock, logger, keeper, changes, gives };
}

describe("the server certificate's keeper", () => {
  it("has it after its start, and tells it", async () => {
    const { keeper, changes } = setUp(first);
    expect(keeper.current()).toBeUndefined();
    await keeper.start();
    expect(keeper.current()).toBe(first);
    expect(changes).toEqual([first]);
    expect(keeper.state()).toMatchObject({
      name: "server certificate: vault",
      freshness: "fresh",
      expiresAt: first.notAfter,
    });
  });

  it("starts without one when the source fails, and says so", async () => {
    const { keeper, logger, clock, gives } = setUp(new Error("vault is down"));
    await keeper.start();
    expect(keeper.current()).toBeUndefined();
    expect(logger.lines).toMatchObject([{ level: "error", fields: { reason: "vault is down" } }]);
    gives(first);
    await clock.advance(1000);
    expect(keeper.current()).toBe(first);
  });

  it("takes a renewal with the next refresh", async () => {
    const { keeper, changes, clock, gives } = setUp(first);
    await keeper.start();
    gives(second);
    await clock.advance(5 * minute);
    expect(keeper.current()).toBe(second);
    expect(changes).toEqual([first, second]);
  });

  it("tells nothing when the same comes again", async () => {
    const { keeper, changes, clock, gives } = setUp(first);
    await keeper.start();
    gives({ ...first });
    await clock.advance(5 * minute);
    expect(changes).toHaveLength(1);
  });

  it.each<[string, () => Promise<ServerCertificate>, RegExp]>([
    ["that expired", () => issue("CN=old", [-2, -1]), /expired at/],
    ["that is not valid yet", () => issue("CN=early", [1, 2]), /is not valid before/],
    [
      "with another key",
      async () => ({ ...second, privateKeyPem: first.privateKeyPem }),
      /does not belong to its private key/,
    ],
    ["that is rubbish", async () => ({ ...second, certificateChainPem: "rubbish" }), /cannot be read/],
    ["with a key that is rubbish", async () => ({ ...second, privateKeyPem: "rubbish" }), /cannot be read/],
  ])("keeps the old one when one comes %s, and reports why", async (_, make, reason) => {
    const { keeper, changes, clock, gives, logger } = setUp(first);
    await keeper.start();
    gives(await make());
    await clock.advance(5 * minute);
    expect(keeper.current()).toBe(first);
    expect(changes).toEqual([first]);
    expect(keeper.state().freshness).toBe("stale");
    expect(logger.lines.at(-1)).toMatchObject({
      level: "warn",
      fields: { source: "vault", reason: expect.stringMatching(reason) },
    });
  });

  it("gives the old one past its end too, and its state says expired", async () => {
    const { keeper, clock, gives } = setUp(first);
    await keeper.start();
    gives(new Error("vault is down"));
    await clock.advance(5 * minute);
    clock.sleep(40 * day);
    expect(keeper.current()).toBe(first);
    expect(keeper.state().freshness).toBe("expired");
  });

  it("writes no key into its log", async () => {
    const { keeper, clock, gives, logger } = setUp(first);
    await keeper.start();
    gives({ ...second, privateKeyPem: first.privateKeyPem });
    await clock.advance(5 * minute);
    expect(JSON.stringify(logger.lines)).not.toContain("PRIVATE KEY");
  });

  it("leaves no timer when it is stopped", async () => {
    const { keeper, clock } = setUp(first);
    await keeper.start();
    keeper.stop();
    expect(clock.pending).toBe(0);
  });
});
