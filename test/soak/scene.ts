import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBeside } from "../../scripts/build.ts";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type LocalOpenAi, startOpenAi } from "../../src/dev/azure/openai/server.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { type SteadyCast, steadyCast, steadyPace } from "../support/steady-cast.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import type { WorldConfig } from "../support/world.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";

/** Everything around one gateway, and the gateway. */
export interface Scene {
  readonly pki: TestPki;
  readonly cast: SteadyCast;
  /** Comes and goes with the changes. */
  readonly guest: IssuedCertificate;
  /** Stores files: its deployment's backend never moves. */
  readonly keeper: IssuedCertificate;
  readonly gateway: GatewayProcess;
  readonly azure: LocalAzure;
  /** Where the backend moves to and from. */
  readonly other: LocalOpenAi;
  readonly put: (name: string, text: string) => Promise<void>;
  /** Writes the configuration, changed, and has it read. @returns the reload's outcome */
  readonly reconfigure: (change: (config: WorldConfig) => void) => Promise<string>;
  stop(): Promise<void>;
}

export async function startScene(): Promise<Scene> {
  const ending = new AsyncDisposableStack();
  try {
    const pki = await createTestPki();
    const cast = await steadyCast(pki);
    const guest = await pki.intermediate.issue({ subject: "CN=guest" });
    const keeper = await pki.intermediate.issue({ subject: "CN=keeper" });
    const tls = { cert: pki.server.chainPem, key: pki.server.keyPem };
    const deployments = { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" };
    // Tokens are renewed on the way.
    const azure = await startLocalAzure({ tls, deployments, tokenLifetimeSeconds: 120 });
    ending.defer(() => azure.stop());
    const other = await startOpenAi({ tls, tokens: azure.tokens, deployments });
    ending.defer(() => other.stop());
    for (const backend of [azure.openAi, other]) backend.setPace(steadyPace);

    const folder = await mkdtemp(join(tmpdir(), "certgate-soak-"));
    ending.defer(() => rm(folder, { recursive: true, force: true }));
    const put = async (name: string, text: string) => {
      await writeFile(join(folder, `${name}.next`), text, { mode: 0o600 });
      await rename(join(folder, `${name}.next`), join(folder, name));
    };
    const token = "soak-token-of-this-run";
    const files = {
      "root.pem": pki.root.pem,
      "server.pem": pki.server.chainPem,
      "server.key": pki.server.keyPem,
      "root.crl": pki.rootCrl.pem,
      token,
      ...cast.files,
    };
    for (const [name, text] of Object.entries(files)) await put(name, text);
    const config: WorldConfig = {
      listen: { host: "127.0.0.1", port: 0, certificate: { file: "server.pem", keyFile: "server.key" } },
      admin: { port: 0, tokenFile: "token" },
      trust: {
        anchors: [{ file: "root.pem" }],
        revocation: { crls: [{ file: "root.crl" }, { file: "intermediate.crl" }] },
      },
      credentials: { gateway: { type: "managed-identity" } },
      backends: {
        main: { endpoint: azure.openAi.url, credential: "gateway", caFile: "root.pem" },
        archive: { endpoint: azure.openAi.url, credential: "gateway", caFile: "root.pem" },
      },
      deployments: {
        "gpt-test": { backend: "main" },
        "gpt-other": { backend: "main" },
        "gpt-archive": { backend: "archive" },
      },
      clients: {
        "device-1": {
          thumbprints: [pki.client.thumbprint],
          deployments: ["gpt-test"],
          operations: ["inference", "realtime"],
        },
        keeper: {
          thumbprints: [keeper.thumbprint],
          deployments: ["gpt-archive"],
          operations: ["files"],
        },
        guest: { thumbprints: [guest.thumbprint], deployments: ["gpt-test"] },
      },
    };
    cast.enter(config);
    const write = () => put("certgate.yaml", JSON.stringify(config));
    await write();
    await buildBeside(join(folder, "built"));
    const gateway = await startGatewayProcess({
      program: join(folder, "built/bin/certgate.mjs"),
      configFile: join(folder, "certgate.yaml"),
      env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.managedIdentity.url },
      token,
    });
    ending.defer(() => gateway.stop());
    return {
      pki,
      cast,
      guest,
      keeper,
      gateway,
      azure,
      other,
      put,
      async reconfigure(change) {
        change(config);
        await write();
        return gateway.reload();
      },
      stop: () => ending.disposeAsync(),
    };
  } catch (fault) {
    await ending.disposeAsync();
    throw fault;
  }
}
