import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { composeTokenSources, type CredentialNeeds } from "../../src/compose/credentials.ts";
import { credential } from "../../src/config/credential-schema.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createTestPki } from "../support/test-pki.ts";

let folder: string;
/** Knows where everybody wants to go, and lets nobody. */
let proxy: Server;
const asked: (string | undefined)[] = [];
/** Lets a credential be made of it. */
let files: Readonly<Record<"secret" | "token" | "certificate" | "key", string>>;

beforeAll(async () => {
  proxy = createServer()
    .on("connect", (request, socket) => {
      asked.push(request.url);
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    })
    .listen(0, "127.0.0.1");
  await once(proxy, "listening");
  // Before the identity package is loaded, which reads it then.
  process.env["HTTPS_PROXY"] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  delete process.env["NO_PROXY"];
  delete process.env["no_proxy"];
  const pki = await createTestPki();
  const app = await pki.intermediate.issue({ subject: "CN=app", keyAlgorithm: "rsa-2048" });
  folder = await mkdtemp(join(tmpdir(), "certgate-clouds-"));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  files = {
    secret: await write("secret", "a-secret"),
    token: await write("token", "a.federated.token"),
    certificate: await write("app.pem", app.chainPem),
    key: await write("app.key", app.keyPem),
  };
});
beforeEach(() => {
  asked.length = 0;
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await rm(folder, { recursive: true, force: true });
});

const needs: CredentialNeeds = {
  clock: systemClock,
  vault: () => {
    throw new Error("no vault is named");
  },
  readCa: () => Promise.resolve(undefined),
};

/** The hosts that are asked for a token of such a credential. */
async function hostsOf(options: object): Promise<string[]> {
  const config = { credentials: { one: credential.parse(options) } };
  const sources = await composeTokenSources(config, needs);
  await expect(sources.get("one")?.getToken("https://x.example/.default")).rejects.toMatchObject({
    code: "credential_unavailable",
  });
  return [...new Set(asked)].map(String);
}

const app = { tenantId: "contoso", clientId: "11111111-2222-3333-4444-555555555555" };
const types = () => ({
  "client-secret": { ...app, secret: { file: files.secret } },
  "client-certificate": { ...app, certificate: { file: files.certificate, keyFile: files.key } },
  "workload-identity": { ...app, tokenFile: files.token },
});

describe.each(["client-secret", "client-certificate", "workload-identity"] as const)("a %s", (type) => {
  it.each([
    [undefined, "login.microsoftonline.com:443"],
    ["public", "login.microsoftonline.com:443"],
    ["us-government", "login.microsoftonline.us:443"],
    // The name that Microsoft's own list of authorities prefers for login.chinacloudapi.cn.
    ["china", "login.partner.microsoftonline.cn:443"],
    [{ authorityHost: "https://login.contoso.example" }, "login.contoso.example:443"],
  ])("of the cloud %j is proved at %s and nowhere else", async (cloud, host) => {
    const options = { type, ...types()[type], ...(cloud === undefined ? {} : { cloud }) };
    expect(await hostsOf(options)).toEqual([host]);
  });
});

it("a workload identity without a cloud is proved where the cluster's webhook says", async () => {
  process.env["AZURE_AUTHORITY_HOST"] = "https://login.microsoftonline.us";
  const hosts = await hostsOf({ type: "workload-identity", ...types()["workload-identity"] });
  delete process.env["AZURE_AUTHORITY_HOST"];
  expect(hosts).toEqual(["login.microsoftonline.us:443"]);
});
