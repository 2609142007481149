import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, open, readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { asShipped } from "../../scripts/as-shipped.ts";
import type { Grounds } from "./grounds.ts";

const run = promisify(execFile);

/** A program that is measured, or that stands behind those that are. */
export interface Running {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  readonly pid: number;
  /** The gateway only: where its metrics are. */
  readonly adminPort?: number;
  /** Something to say beside its figures. */
  readonly remark?: string;
  stop(): Promise<void>;
}

export interface Behind {
  readonly backendPort: number;
  readonly streamPort: number;
}

/** The core of the proxies, and the one of everything else. */
export const cores = { proxy: "1", rest: "0" } as const;

/** A command that runs on one core, where the machine has two. */
export const pinned = (core: string, words: readonly string[]): string[] =>
  availableParallelism() < 2 ? [...words] : ["taskset", "-c", core, ...words];

const token = "of-the-proxy-".padEnd(1400, "x");

/** Runs a program on one core. Its output goes to a file, as an operator's would. */
export async function launch(
  name: string,
  core: string,
  words: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv = {},
): Promise<ChildProcess & { pid: number }> {
  const log = await open(join(folder, `${name}.log`), "a");
  const [command = "", ...rest] = pinned(core, words);
  const child = spawn(command, rest, {
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, ...env },
  });
  await once(child, "spawn");
  await log.close();
  if (child.pid === undefined) throw new Error(`${name} did not start`);
  return child as ChildProcess & { pid: number };
}

async function started(
  name: string,
  version: string,
  port: number,
  child: ChildProcess & { pid: number },
  folder: string,
): Promise<Running> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A million entries take their time.
  for (const until = Date.now() + 120_000; ;) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill("SIGKILL");
      throw new Error(
        `${name} did not start: ${(await readFile(join(folder, `${name}.log`), "utf8")).slice(-2000)}`,
      );
    }
    if (await answers(port)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    name,
    version,
    port,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(timer);
    },
  };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function found(program: string): Promise<string | undefined> {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const file = join(folder, program);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return undefined;
}

async function configured(
  template: string,
  values: Readonly<Record<string, string | number>>,
  to: string,
): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "../peers", template), "utf8");
  await writeFile(
    to,
    text.replaceAll(/@([a-zA-Z]+)@/g, (all, name: string) => String(values[name] ?? all)),
  );
  return to;
}

/** Started by root, nginx would have workers of another user, who cannot enter a folder of ours. */
const asItself = process.getuid?.() === 0 ? ["-g", "user root;"] : [];

/** The backends: nginx where it is, else the streams' own one for both. */
export async function startBackends({ folder }: Grounds): Promise<readonly [Running, Running]> {
  const streamPort = await freePort();
  const child = await launch(
    "streams",
    cores.rest,
    [process.execPath, join(import.meta.dirname, "stream-backend.ts"), folder, String(streamPort)],
    folder,
  );
  const streams = await started("streams", `Node ${process.versions.node}`, streamPort, child, folder);
  const nginx = await found("nginx");
  if (nginx === undefined) return [streams, streams];
  const port = await freePort();
  const answer = await readFile(join(folder, "answer.json"), "utf8");
  const file = await configured("nginx-backend.conf", { folder, port, answer }, join(folder, "backend.conf"));
  const backend = await launch(
    "backend",
    cores.rest,
    [nginx, "-e", join(folder, "backend-error.log"), "-c", file, ...asItself],
    folder,
  );
  return [await started("backend", await versionOf("nginx"), port, backend, folder), streams];
}

async function versionOf(program: string): Promise<string> {
  const words = { nginx: ["-v"], haproxy: ["-v"], caddy: ["version"] }[program] ?? ["--version"];
  const file = (await found(program)) ?? program;
  const { stdout, stderr } = await run(file, words).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return /\d+(?:\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown";
}

/** Starts a peer where it is installed; undefined where it is not. @param crls file */
export async function startPeer(
  name: "nginx" | "haproxy" | "caddy",
  grounds: Grounds,
  behind: Behind,
  crls: string,
): Promise<Running | undefined> {
  const program = await found(name);
  if (program === undefined) return undefined;
  const { folder } = grounds;
  const port = await freePort();
  const template = { nginx: "nginx.conf", haproxy: "haproxy.cfg", caddy: "Caddyfile" }[name];
  const file = await configured(template, { ...behind, folder, port, crls, token }, join(folder, template));
  const words = {
    nginx: ["-e", join(folder, "nginx-error.log"), "-c", file, ...asItself],
    haproxy: ["-db", "-f", file],
    caddy: ["run", "--adapter", "caddyfile", "--config", file],
  }[name];
  const child = await launch(name, cores.proxy, [program, ...words], folder, { GOMAXPROCS: "1" });
  const running = await started(name, await versionOf(name), port, child, folder);
  return name === "caddy" ? { ...running, remark: "knows no CRLs: measured without revocation" } : running;
}

/**
 * Builds a checkout, with its own packages, so that no `dist` is left in it.
 * @param into a folder that does not exist: of the built program
 */
export async function buildGateway(checkout: string, into: string): Promise<string> {
  await run(process.execPath, [join(checkout, "scripts/build.ts"), into]).catch((error: unknown) => {
    throw new Error(`${checkout} does not build: ${(error as { stderr: string }).stderr.slice(0, 2000)}`);
  });
  return into;
}

export interface GatewayOptions {
  readonly name: string;
  /** Folder of the built program. */
  readonly program: string;
  readonly nodeOptions?: readonly string[];
}

/** Starts the built gateway with its real configuration: grants, CRLs, managed identity, log, metrics. */
export async function startGateway(
  { name, program, nodeOptions = [] }: GatewayOptions,
  grounds: Grounds,
  behind: Behind,
  crls: string,
): Promise<Running> {
  const { folder, clients } = grounds;
  const [port, adminPort] = [await freePort(), await freePort()];
  const deployments = ["gpt", "bulk", "read", "stream"];
  const config = {
    listen: { host: "127.0.0.1", port, certificate: { file: "server.pem", keyFile: "server.key" } },
    admin: { port: adminPort },
    trust: { anchors: [{ file: "root.pem" }], revocation: { crls: [{ file: crls }], refreshSeconds: 5 } },
    credentials: { gateway: { type: "managed-identity" } },
    backends: {
      main: {
        endpoint: `https://localhost:${behind.backendPort}`,
        credential: "gateway",
        caFile: "root.pem",
      },
      streams: {
        endpoint: `https://localhost:${behind.streamPort}`,
        credential: "gateway",
        caFile: "root.pem",
      },
      raw: { endpoint: `https://localhost:${behind.backendPort}`, credential: "gateway", caFile: "root.pem" },
    },
    deployments: {
      gpt: { backend: "main" },
      bulk: { backend: "main" },
      read: { backend: "main" },
      stream: { backend: "streams" },
    },
    routes: { raw: { kind: "http", path: "/raw/", backend: "raw" } },
    ownership: { backend: "main" },
    // All clients come from one address, and as fast as they can: what is measured must not be what holds them off.
    limits: {
      connections: 30_000,
      connectionsPerSource: 30_000,
      connectionsPerClient: 30_000,
      handshakesPerSecondPerSource: 1_000_000,
    },
    clients: Object.fromEntries(
      clients.map((client) => [
        client.name,
        {
          thumbprints: [client.thumbprint],
          deployments,
          operations: ["inference", "files"],
          routes: ["raw"],
        },
      ]),
    ),
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
      ...nodeOptions,
      join(program, "bin/certgate.mjs"),
      "serve",
      "--config",
      file,
    ],
    folder,
    { ...shipped.env, AZURE_POD_IDENTITY_AUTHORITY_HOST: grounds.managedIdentity },
  );
  return { ...(await started(name, `Node ${process.versions.node}`, port, child, folder)), adminPort };
}
