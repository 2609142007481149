import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openRegistryStore } from "../../src/compose/registry-store.ts";
import { asShipped } from "../../scripts/as-shipped.ts";
import type { Grounds } from "../gateway/grounds.ts";
import { type Behind, cores, launch, type Running } from "../gateway/programs.ts";

export interface ScaleGateway {
  readonly name: string;
  /** Folder of the built program. */
  readonly program: string;
  readonly workers: number;
  /** File with the CRLs. */
  readonly crls: string;
  /** A registry with the clients; absent: the load's own are in the configuration. */
  readonly registry?: string;
}

const deployments = ["gpt", "slow"];

/** Starts the built gateway on the proxies' core, with nothing in the way of many connections, and waits until it serves. */
export async function startScaleGateway(
  { name, program, workers, crls, registry }: ScaleGateway,
  { folder, clients, managedIdentity }: Grounds,
  behind: Behind,
): Promise<Running> {
  const backend = (port: number) => ({
    endpoint: `https://localhost:${port}`,
    credential: "gateway",
    caFile: "root.pem",
  });
  const many = 1_000_000;
  const config = {
    listen: { host: "127.0.0.1", port: 0, certificate: { file: "server.pem", keyFile: "server.key" } },
    admin: { port: 0 },
    trust: { anchors: [{ file: "root.pem" }], revocation: { crls: [{ file: crls }] } },
    credentials: { gateway: { type: "managed-identity" } },
    backends: { main: backend(behind.backendPort), slow: backend(behind.streamPort) },
    deployments: { gpt: { backend: "main" }, slow: { backend: "slow" } },
    limits: {
      connections: many,
      connectionsPerClient: many,
      connectionsPerSource: many,
      handshakesPerSecondPerSource: many,
      // Opening thousands of connections is a busy moment, not what is looked at.
      eventLoopLagMs: 10_000,
    },
    ...(registry === undefined
      ? {
          clients: Object.fromEntries(
            clients.map((client) => [client.name, { thumbprints: [client.thumbprint], deployments }]),
          ),
        }
      : { registry: { file: registry } }),
  };
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, JSON.stringify(config));
  const shipped = await asShipped();
  const child = await launch(
    name,
    cores.proxy,
    [
      process.execPath,
      ...shipped.options,
      join(program, "bin/certgate.mjs"),
      "serve",
      "--workers",
      String(workers),
      "--config",
      file,
    ],
    folder,
    { ...shipped.env, AZURE_POD_IDENTITY_AUTHORITY_HOST: managedIdentity },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const [, port, adminPort] = await listening(join(folder, `${name}.log`), () => child.exitCode !== null);
  return {
    name,
    version: `Node ${process.versions.node}`,
    port: Number(port),
    adminPort: Number(adminPort),
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** What it says when it serves. A million clients and a million entries take their time. */
async function listening(log: string, isOver: () => boolean): Promise<RegExpExecArray> {
  for (const until = Date.now() + 180_000; ;) {
    const text = await readFile(log, "utf8");
    const found = /"port":(\d+),"adminPort":(\d+)[^\n]*certgate is listening/.exec(text);
    if (found !== null) return found;
    if (isOver() || Date.now() > until) throw new Error(`the gateway did not start: ${text.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A registry with so many clients, the load's own among them. */
export function writeRegistry(file: string, { clients }: Grounds, count: number): void {
  const store = openRegistryStore(file, "write or create");
  store.change((change) => {
    for (const { name, thumbprint } of clients) change.put({ name, thumbprints: [thumbprint], deployments });
    for (let index = clients.length; index < count; index += 1) {
      const thumbprint = createHash("sha256").update(`other ${index}`).digest("hex");
      change.put({ name: `other-${index}`, thumbprints: [thumbprint], deployments });
    }
  });
  store.close();
}
