import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ConnectProxy, startConnectProxy } from "../support/connect-proxy.ts";
import { goodOn, laneNames, lanes, lastDetail, leadEverywhere } from "../support/lanes.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startTlsBackend, type TlsBackend } from "../support/tls-backend.ts";
import { startWorld, type World } from "../support/world.ts";

/** A name that only the proxy can resolve. */
const hidden = "contoso.openai.azure.invalid";
let world: World;
let inside: TestPki;
let proxy: ConnectProxy;
let backend: TlsBackend;
const environment = { ...process.env };

beforeAll(async () => {
  inside = await createTestPki("Inside");
  proxy = await startConnectProxy();
  const [endpoint, gateway] = await Promise.all([
    inside.intermediate.issue({
      subject: "CN=endpoint",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [
        { type: "dns", value: hidden },
        { type: "dns", value: "localhost" },
      ],
    }),
    inside.intermediate.issue({ subject: "CN=the gateway" }),
  ]);
  backend = await startTlsBackend({
    cert: endpoint.chainPem,
    key: endpoint.keyPem,
    ca: inside.root.pem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  proxy.names.set(hidden, backend.port);
  // The gateway's token comes from the loopback; the SDK that fetches it reads the same variables.
  Object.assign(process.env, { HTTPS_PROXY: proxy.url, NO_PROXY: "127.0.0.1,excepted.invalid,0.0.0.0" });
  const shared = {
    caFile: "inside.pem",
    tls: { clientCertificate: { file: "gateway.pem", keyFile: "gateway.key" } },
  };
  const withSecret = new URL(proxy.url);
  withSecret.username = "gateway";
  withSecret.password = "s3cret:%";
  world = await startWorld({
    files: {
      "inside.pem": inside.root.pem,
      "gateway.pem": gateway.chainPem,
      "gateway.key": gateway.keyPem,
    },
    configure(config) {
      leadEverywhere(config, {
        environment: { ...shared, endpoint: `https://${hidden}` },
        refused: { ...shared, endpoint: `https://${hidden}` },
        waiting: { ...shared, endpoint: `https://${hidden}` },
        excepted: { ...shared, endpoint: "https://excepted.invalid" },
        direct: {
          ...shared,
          endpoint: `https://0.0.0.0:${backend.port}`,
          tls: { ...shared.tls, serverName: "localhost" },
        },
        loopback: { ...shared, endpoint: `https://localhost:${backend.port}` },
        written: {
          ...shared,
          endpoint: `https://localhost:${backend.port}`,
          proxy: withSecret.href.replace(/\/$/, ""),
        },
        none: { ...shared, endpoint: `https://${hidden}`, proxy: "none" },
        gone: { ...shared, endpoint: `https://${hidden}`, proxy: "http://127.0.0.1:1" },
        untrusted: { ...shared, endpoint: `https://${hidden}`, caFile: "root.pem" },
      });
      config["timeouts"] = { connectSeconds: 0.5 };
    },
  });
});
afterAll(async () => {
  for (const name of ["HTTPS_PROXY", "NO_PROXY"] as const)
    if (environment[name] === undefined) delete process.env[name];
    else process.env[name] = environment[name];
  await world.stop();
  await Promise.all([backend.stop(), proxy.stop()]);
});
beforeEach(() => {
  proxy.asked.length = 0;
  proxy.authorizations.length = 0;
  backend.arrivals.length = 0;
});
afterEach(() => {
  proxy.fault = undefined;
});

const unreachable = { status: 502, reason: "backend_unreachable" };

describe.each(laneNames)("on the lane '%s' a backend", (lane) => {
  const ask = (name: string) => lanes[lane]!(world, name);

  it("is reached through the environment's proxy, which connects and reads nothing", async () => {
    expect(await ask("environment")).toEqual(goodOn(lane));
    expect(proxy.asked).toEqual([`${hidden}:443`]);
    expect(backend.arrivals).toMatchObject([{ serverName: hidden, host: hidden, clientName: "the gateway" }]);
    expect(proxy.requests).toEqual([]);
    expect(proxy.passed().toString("latin1")).not.toMatch(/swordfish|Bearer|HTTP\/1\.1|completions|orders/);
  });

  it("is reached directly where NO_PROXY excepts it", async () => {
    expect(await ask("direct")).toEqual(goodOn(lane));
    expect(await ask("excepted")).toEqual(unreachable);
    await expect.poll(() => lastDetail(world)).toMatch(/ENOTFOUND|EAI_AGAIN/);
    expect(proxy.asked).toEqual([]);
  });

  it("on the loopback is reached directly, whatever the environment says", async () => {
    expect(await ask("loopback")).toEqual(goodOn(lane));
    expect(proxy.asked).toEqual([]);
  });

  it("is reached through the proxy of its own, with that one's password", async () => {
    expect(await ask("written")).toEqual(goodOn(lane));
    expect(proxy.asked).toEqual([`localhost:${backend.port}`]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from("gateway:s3cret:%").toString("base64")}`]);
    expect(JSON.stringify(backend.arrivals)).not.toMatch(/proxy/i);
  });

  it("with `none` is not looked for at the proxy", async () => {
    expect(await ask("none")).toEqual(unreachable);
    expect(proxy.asked).toEqual([]);
  });

  it("is verified behind the proxy as anywhere", async () => {
    expect(await ask("untrusted")).toEqual(unreachable);
    await expect.poll(() => lastDetail(world)).toMatch(/unable to get local issuer certificate/);
    expect(backend.arrivals).toEqual([]);
  });

  it("is out when its proxy is, and the operator reads which of the two", async () => {
    expect(await ask("gone")).toEqual(unreachable);
    await expect.poll(() => lastDetail(world)).toMatch(/the proxy cannot be reached: .*ECONNREFUSED/);
    proxy.fault = 407;
    expect(await ask("refused")).toEqual(unreachable);
    await expect.poll(() => lastDetail(world)).toMatch(/the proxy answered CONNECT with 407/);
    proxy.fault = "hang";
    expect(await ask("waiting")).toEqual({ status: 504, reason: "backend_timeout" });
    // Requests wait for a connection of their pool; the other lanes wait for their own, and say so.
    await expect
      .poll(() => lastDetail(world))
      .toMatch(lane === "request" ? /took too long/ : /the proxy took too long/);
  });
});

describe("a request through a proxy", () => {
  it("arrives with every line of its headers, repeated ones too", async () => {
    const answer = await world.ask({
      path: "/openai/deployments/environment/chat/completions?api-version=2024-10-21",
      headers: { "openai-beta": ["a=1", "b=2"] },
      body: { messages: [] },
    });
    expect(answer.status).toBe(200);
    const { rawHeaders = [] } = backend.arrivals[0] ?? {};
    expect(rawHeaders.filter((_, at) => rawHeaders[at - 1] === "openai-beta")).toEqual(["a=1", "b=2"]);
  });
});
