import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goodOn, laneNames, lanes, lastDetail, leadEverywhere } from "../support/lanes.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startTlsBackend, type TlsBackend } from "../support/tls-backend.ts";
import { startWorld, type World } from "../support/world.ts";

const serverName = "contoso.privatelink.example";
let world: World;
/** Of the backends: the gateway's clients come from another one. */
let inside: TestPki;
let outside: TestPki;
let plain: TlsBackend;
let asking: TlsBackend;
let named: TlsBackend;

const tlsOf = ({ chainPem, keyPem }: { readonly chainPem: string; readonly keyPem: string }) => ({
  cert: chainPem,
  key: keyPem,
});

beforeAll(async () => {
  [inside, outside] = await Promise.all([createTestPki("Inside"), createTestPki("Outside")]);
  const [gateway, stranger, endpoint] = await Promise.all([
    inside.intermediate.issue({ subject: "CN=the gateway" }),
    outside.intermediate.issue({ subject: "CN=a stranger" }),
    inside.intermediate.issue({
      subject: "CN=endpoint",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [{ type: "dns", value: serverName }],
    }),
  ]);
  plain = await startTlsBackend(tlsOf(inside.server));
  asking = await startTlsBackend({
    ...tlsOf(inside.server),
    ca: inside.root.pem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  named = await startTlsBackend(tlsOf(endpoint));
  const caFile = "inside.pem";
  const at = ({ port }: TlsBackend, host = "localhost") => ({ endpoint: `https://${host}:${port}`, caFile });
  const presenting = (name: string) => ({
    ...at(asking),
    tls: { clientCertificate: { file: `${name}.pem`, keyFile: `${name}.key` } },
  });
  world = await startWorld({
    files: {
      [caFile]: inside.root.pem,
      "gateway.pem": gateway.chainPem,
      "gateway.key": gateway.keyPem,
      "stranger.pem": stranger.chainPem,
      "stranger.key": stranger.keyPem,
    },
    configure: (config) =>
      leadEverywhere(config, {
        private: at(plain),
        unknown: { ...at(plain), caFile: "root.pem" },
        address: at(plain, "127.0.0.1"),
        presenting: presenting("gateway"),
        silent: at(asking),
        stranger: presenting("stranger"),
        misnamed: at(named),
        hosted: { ...at(plain, "127.0.0.1"), hostHeader: "contoso.openai.azure.com" },
        named: {
          ...at(named, "127.0.0.1"),
          tls: { serverName },
          hostHeader: "contoso.openai.azure.com",
        },
      }),
  });
});
afterAll(async () => {
  await world.stop();
  await Promise.all([plain, asking, named].map((backend) => backend.stop()));
});
beforeEach(() => {
  for (const { arrivals } of [plain, asking, named]) arrivals.length = 0;
});

describe.each(laneNames)("on the lane '%s'", (lane) => {
  const ask = (backend: string) => lanes[lane]!(world, backend);
  const refused = { status: 502, reason: "backend_unreachable" };

  it("a backend's private CA is trusted, and asked for the endpoint's names", async () => {
    expect(await ask("private")).toEqual(goodOn(lane));
    expect(plain.arrivals).toMatchObject([{ serverName: "localhost", host: `localhost:${plain.port}` }]);
  });

  it("a backend whose CA is unknown is not spoken to, and the operator reads why", async () => {
    expect(await ask("unknown")).toEqual(refused);
    expect(plain.arrivals).toEqual([]);
    await expect.poll(() => lastDetail(world)).toMatch(/unable to get local issuer certificate/);
  });

  it("a backend at an address is verified by it, and no name goes into SNI", async () => {
    expect(await ask("address")).toEqual(goodOn(lane));
    expect(plain.arrivals).toMatchObject([{ serverName: undefined, host: `127.0.0.1:${plain.port}` }]);
  });

  it("a backend that asks for a certificate gets the gateway's", async () => {
    expect(await ask("presenting")).toEqual(goodOn(lane));
    expect(asking.arrivals).toMatchObject([{ clientName: "the gateway" }]);
  });

  it.each([
    ["no certificate", "silent", /alert certificate required/],
    // Node's server just closes; others send an alert.
    [
      "another CA's certificate",
      "stranger",
      /broke off: (?:other side closed|socket hang up|the connection ended before the answer)/,
    ],
  ])("a backend that gets %s refuses, and the operator reads why", async (_what, backend, reason) => {
    expect(await ask(backend)).toEqual(refused);
    expect(asking.arrivals).toEqual([]);
    await expect.poll(() => lastDetail(world)).toMatch(reason);
  });

  it("another name stands in SNI and in Host where the configuration says so", async () => {
    expect(await ask("named")).toEqual(goodOn(lane));
    expect(named.arrivals).toMatchObject([{ serverName, host: "contoso.openai.azure.com" }]);
  });

  it("what stands in Host does not decide which certificate is good", async () => {
    expect(await ask("hosted")).toEqual(goodOn(lane));
    expect(plain.arrivals).toMatchObject([{ serverName: undefined, host: "contoso.openai.azure.com" }]);
  });

  it("a certificate for another name is refused, and the operator reads why", async () => {
    expect(await ask("misnamed")).toEqual(refused);
    expect(named.arrivals).toEqual([]);
    await expect.poll(() => lastDetail(world)).toMatch(/does not match certificate's altnames/);
  });
});

describe("a backend's certificate that changes", () => {
  it("is trusted when the same CA signed it, and not when another did", async () => {
    const backend = await startTlsBackend(tlsOf(inside.server));
    const endpoint = { endpoint: `https://localhost:${backend.port}`, caFile: "inside.pem" };
    expect(await world.reconfigure((config) => leadEverywhere(config, { changing: endpoint }))).toMatchObject(
      {
        outcome: "applied",
      },
    );
    const all = () => Promise.all(laneNames.map((lane) => lanes[lane]!(world, "changing")));
    const good = laneNames.map(goodOn);
    expect(await all()).toEqual(good);

    const renewed = await inside.intermediate.issue({
      subject: "CN=localhost",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [{ type: "dns", value: "localhost" }],
    });
    await backend.restart(tlsOf(renewed));
    expect(await all()).toEqual(good);

    await backend.restart(tlsOf(outside.server));
    backend.arrivals.length = 0;
    expect(await all()).toEqual(laneNames.map(() => ({ status: 502, reason: "backend_unreachable" })));
    expect(backend.arrivals).toEqual([]);
    await expect.poll(() => lastDetail(world)).toMatch(/unable to get local issuer certificate/);
    await backend.stop();
  });
});

describe("the gateway's own certificate towards a backend", () => {
  it("is renewed by a reload, on every lane", async () => {
    await world.reconfigure((config) =>
      leadEverywhere(config, {
        presenting: {
          endpoint: `https://localhost:${asking.port}`,
          caFile: "inside.pem",
          tls: { clientCertificate: { file: "gateway.pem", keyFile: "gateway.key" } },
        },
      }),
    );
    const all = async () => {
      asking.arrivals.length = 0;
      for (const lane of laneNames) expect(await lanes[lane]!(world, "presenting")).toEqual(goodOn(lane));
      return asking.arrivals.map(({ clientName }) => clientName);
    };
    expect(await all()).toEqual(laneNames.map(() => "the gateway"));
    const renewed = await inside.intermediate.issue({ subject: "CN=the gateway renewed" });
    await writeFile(join(world.directory, "gateway.pem"), renewed.chainPem);
    const half = await world.certgate.reload();
    expect(half).toMatchObject({ outcome: "refused", reason: expect.stringContaining("cannot be used") });
    expect(await all()).toEqual(laneNames.map(() => "the gateway"));
    await writeFile(join(world.directory, "gateway.key"), renewed.keyPem);
    expect(await world.certgate.reload()).toMatchObject({ outcome: "applied" });
    expect(await all()).toEqual(laneNames.map(() => "the gateway renewed"));
  });
});
