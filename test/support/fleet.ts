import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { Asker } from "./ask.ts";
import { certgate, type CertgateOptions, type Running } from "./cli.ts";
import { type TestPki, testPki } from "./test-pki.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- a test may write anything into it, also what is wrong
type LooseConfig = Record<string, any>;

/** What `certgate serve --workers N` is started in: a folder, a PKI, a local Azure. One for all tests of a file. */
export interface FleetWorld {
  readonly pki: TestPki;
  readonly azure: LocalAzure;
  readonly folder: string;
  /** Starts it, and kills it when the test ends. */
  serve(words: readonly string[], configure?: (config: LooseConfig) => void): Promise<Running>;
  /** Starts it and waits until it listens. */
  serveAndWait(words: readonly string[], configure?: (config: LooseConfig) => void): Promise<ServingFleet>;
  stop(): Promise<void>;
}

export interface ServingFleet {
  readonly running: Running;
  readonly port: number;
  readonly adminPort: number;
  readonly asker: Asker;
  /** Process ids by worker's index. */
  readonly workers: () => ReadonlyMap<number, number>;
  readonly admin: (path: string) => Promise<{ readonly status: number; readonly text: string }>;
}

export interface FleetWorldOptions extends Pick<CertgateOptions, "env" | "program"> {
  readonly tokenLifetimeSeconds?: number;
}

export async function startFleetWorld({
  tokenLifetimeSeconds,
  env,
  ...how
}: FleetWorldOptions = {}): Promise<FleetWorld> {
  const pki = await testPki();
  const folder = await mkdtemp(join(tmpdir(), "certgate-fleet-"));
  const azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o" },
    ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
  });
  const files = {
    "root.pem": pki.root.pem,
    "server.pem": pki.server.chainPem,
    "server.key": pki.server.keyPem,
    "root.crl": pki.rootCrl.pem,
    "intermediate.crl": pki.intermediateCrl.pem,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  let started = 0;

  const serve: FleetWorld["serve"] = async (words, configure) => {
    const config: LooseConfig = {
      listen: { host: "127.0.0.1", port: 0, certificate: { file: "server.pem", keyFile: "server.key" } },
      admin: { port: 0 },
      trust: {
        anchors: [{ file: "root.pem" }],
        revocation: { crls: [{ file: "root.crl" }, { file: "intermediate.crl" }] },
      },
      credentials: { gateway: { type: "managed-identity" } },
      backends: { main: { endpoint: azure.openAi.url, credential: "gateway", caFile: "root.pem" } },
      deployments: { "gpt-test": { backend: "main" } },
      clients: { "device-1": { thumbprints: [pki.client.thumbprint], deployments: ["gpt-test"] } },
    };
    configure?.(config);
    started += 1;
    const file = join(folder, `certgate-${started}.yaml`);
    await writeFile(file, JSON.stringify(config));
    const running = certgate(["serve", "--config", file, ...words], {
      ...how,
      env: { ...env, AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.managedIdentity.url },
    });
    onTestFinished(async () => {
      running.signal("SIGKILL");
      // Also its workers have then ended: they hold its output open until they do.
      await running.ended;
    });
    return running;
  };

  return {
    pki,
    azure,
    folder,
    serve,
    async serveAndWait(words, configure) {
      const running = await serve(words, configure);
      const [, portText, adminPort] = await running.wrote(
        /"port":(\d+),"adminPort":(\d+)[^\n]*certgate is listening/,
      );
      const port = Number(portText);
      const admin: ServingFleet["admin"] = async (path) => {
        const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`);
        return { status: answer.status, text: await answer.text() };
      };
      return {
        running,
        port,
        adminPort: Number(adminPort),
        asker: { port, ca: pki.root.pem, client: pki.client },
        admin,
        workers() {
          const lines = running.written.stdout
            .split("\n")
            .filter((line) => line.includes("the worker is ready"));
          const pids = lines.map((line) => JSON.parse(line) as { worker: number; pid: number });
          return new Map(pids.map(({ worker, pid }) => [worker, pid]));
        },
      };
    },
    async stop() {
      await azure.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
