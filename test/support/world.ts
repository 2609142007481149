import { openSync, closeSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Certgate, startCertgate } from "../../src/compose.ts";
import { reloadFrom } from "../../src/cli/reload-from.ts";
import type { ReloadOutcome } from "../../src/compose/reload.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problem.ts";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { type Answer, ask, type Question } from "./ask.ts";
import { createTestPki, type TestPki } from "./test-pki.ts";

export interface WorldOptions {
  /** Changes the configuration before it is written; it gets a working one. */
  readonly configure?: (config: WorldConfig, azure: LocalAzure) => void;
  readonly pki?: TestPki;
  /** Another world's: two gateways before one Azure. That other world stops it. */
  readonly azure?: LocalAzure;
  /** Follows changed files by itself, as `certgate serve` does. Default: only `reconfigure` has it read again. */
  readonly watches?: boolean;
  /** Further files beside the configuration: name to content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The configuration as an object; JSON is YAML, so it is written as it is. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test may write anything into it, also what is wrong
export type WorldConfig = Record<string, any>;

/** A gateway with everything around it: a PKI, a local Azure, the real configuration file, the real log. */
export interface World {
  readonly pki: TestPki;
  readonly azure: LocalAzure;
  readonly certgate: Certgate;
  readonly directory: string;
  /** `https://localhost:PORT` */
  readonly url: string;
  /** Asks as a client with a certificate (default: the PKI's own client), over a connection of its own. */
  ask(question: Question, client?: IssuedCertificate | "none"): Promise<Answer>;
  admin(path: string, init?: RequestInit): Promise<Response>;
  /** Writes the configuration anew. */
  write(change: (config: WorldConfig) => void): Promise<void>;
  /** Writes the configuration anew and has it read. */
  reconfigure(change: (config: WorldConfig) => void): Promise<ReloadOutcome>;
  /** Every line that was logged until now, parsed. */
  log(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/**
 * Starts a world. One Azure a process: the identity SDK keeps its tokens and its source for the life of the process, so a
 * test file has one, and vitest gives each file a process of its own.
 */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const pki = options.pki ?? (await createTestPki());
  const directory = await mkdtemp(join(tmpdir(), "certgate-world-"));
  const azure =
    options.azure ??
    (await startLocalAzure({
      tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
      deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
    }));
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = azure.managedIdentity.url;
  const files = {
    "root.pem": pki.root.pem,
    "server.pem": pki.server.chainPem,
    "server.key": pki.server.keyPem,
    "root.crl": pki.rootCrl.pem,
    "intermediate.crl": pki.intermediateCrl.pem,
    ...options.files,
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(directory, name), text, { mode: 0o600 });

  const config: WorldConfig = {
    listen: { host: "127.0.0.1", port: 0, certificate: { file: "server.pem", keyFile: "server.key" } },
    admin: { port: 0 },
    trust: {
      anchors: [{ file: "root.pem" }],
      revocation: { crls: [{ file: "root.crl" }, { file: "intermediate.crl" }] },
    },
    credentials: { gateway: { type: "managed-identity" } },
    backends: { main: { endpoint: azure.openAi.url, credential: "gateway", caFile: "root.pem" } },
    deployments: { "gpt-test": { backend: "main" }, "gpt-other": { backend: "main" } },
    clients: {
      "device-1": { thumbprints: [pki.client.thumbprint], deployments: ["gpt-test"] },
    },
    log: { level: "debug" },
  };
  options.configure?.(config, azure);
  const file = join(directory, "certgate.yaml");
  await writeFile(file, JSON.stringify(config, undefined, 2));
  const outcome = await loadConfig(file);
  if (!outcome.ok) throw new Error(formatProblems(outcome.problems));

  const logFile = join(directory, "certgate.log");
  const fd = openSync(logFile, "a");
  const log = createLogger({ level: outcome.config.log.level, fd });
  const source = reloadFrom(file, outcome.config);
  const certgate = await startCertgate(outcome.config, {
    clock: systemClock,
    log,
    reload: options.watches === true ? { ...source, pollMs: 20 } : { ...source, files: () => [] },
  });
  const write = async (change: (config: WorldConfig) => void) => {
    change(config);
    await writeFile(file, JSON.stringify(config, undefined, 2));
  };
  return {
    pki,
    azure,
    certgate,
    directory,
    url: `https://localhost:${certgate.port}`,
    ask: (question, client = pki.client) =>
      ask({ port: certgate.port, ca: pki.root.pem, ...(client === "none" ? {} : { client }) }, question),
    admin: (path, init) => fetch(`http://127.0.0.1:${certgate.adminPort}${path}`, init),
    write,
    async reconfigure(change) {
      await write(change);
      return certgate.reload();
    },
    async log() {
      // Node tells a turn of the event loop later that an answer was sent, and its line is made behind that turn.
      for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
      await log.flush();
      const text = await readFile(logFile, "utf8");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async stop() {
      await certgate.stop(1000);
      if (options.azure === undefined) await azure.stop();
      closeSync(fd);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
