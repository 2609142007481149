import { openSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { startCertgate } from "../compose.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblems } from "../config/problem.ts";
import { startLocalAzure } from "../dev/azure/local-azure.ts";
import { ensureDevPki, type DevPki } from "../dev/dev-pki.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { createLogger } from "../telemetry/logger.ts";
import { exitCodes, type Command } from "./command.ts";
import { devConfig, devConfigFiles, devDeployments, devVaultNames } from "./dev-config.ts";
import { withDevOption } from "./dev-port-problem.ts";
import { selfCheck } from "./dev-self-check.ts";
import { portOf, readWords } from "./read-words.ts";
import { shellWord } from "./shell-word.ts";
import { stopSignal } from "./stop-signal.ts";

export const dev: Command = {
  name: "dev",
  summary: "runs the gateway against a local Azure, with a PKI made on the spot",
  help: `certgate dev [--directory DIR] [--port N] [--admin-port N]
             [--vault-port N] [--identity-port N] [--openai-port N]

Makes or renews a small PKI in DIR (default certs-dev), starts a local Key Vault,
managed identity endpoint and Azure OpenAI, and the gateway in front of them
(port 8443, admin port 9443), sends one request through all of it, and prints
lines to copy. Ctrl-C stops everything. The log goes to DIR/certgate.log.

Exit code: 0 stopped as asked, 1 could not start, 2 wrong usage.
`,
  async run(words) {
    const values = readWords(words, [
      "directory",
      "port",
      "admin-port",
      "vault-port",
      "identity-port",
      "openai-port",
    ]);
    const directory = values.directory ?? "certs-dev";
    const ports = { port: portOf(values, "port", 8443), adminPort: portOf(values, "admin-port", 9443) };
    const azurePorts = {
      keyVault: portOf(values, "vault-port", 0),
      managedIdentity: portOf(values, "identity-port", 0),
      openAi: portOf(values, "openai-port", 0),
    };
    const started = new AsyncDisposableStack();
    try {
      const pki = await ensureDevPki(directory, systemClock);
      tellAboutPki(pki);
      const azure = await startLocalAzure({
        tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
        deployments: devDeployments,
        ports: azurePorts,
        vaultContents: {
          secrets: { [devVaultNames.anchors]: { value: pki.rootCaPem } },
          certificates: { [devVaultNames.serverCertificate]: pki.server },
        },
      });
      started.defer(() => azure.stop());
      // Where the identity SDK looks for the endpoint; it reads this once, with the first token.
      process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = azure.managedIdentity.url;

      // Under its name only once everything runs: a start that fails, on a port that is busy because the gateway runs
      // already, must not change that one's files.
      const configFile = join(directory, devConfigFiles.own);
      const draftFile = `${configFile}.${process.pid}.tmp`;
      started.defer(() => rm(draftFile, { force: true }));
      await writeFile(draftFile, devConfig(pki, azure, ports, "own"));
      const outcome = await loadConfig(draftFile);
      if (!outcome.ok)
        throw new Error(`the written configuration has problems\n${formatProblems(outcome.problems)}`);
      const log = createLogger({
        level: outcome.config.log.level,
        fd: openSync(join(directory, "certgate.log"), "a", 0o600),
      });
      const certgate = await startCertgate(outcome.config, { clock: systemClock, log });
      started.defer(() => certgate.stop(2000));

      const reply = await selfCheck(pki, certgate.port);
      await rename(draftFile, configFile);
      await writeFile(join(directory, devConfigFiles.offline), devConfig(pki, azure, ports, "offline"));
      // Before the word that tells people they may press Ctrl-C.
      const stop = stopSignal();
      process.stdout.write(welcome(pki, certgate.port, certgate.adminPort, reply));
      await stop;
      process.stdout.write("\nstopping ...\n");
      await started.disposeAsync();
      return exitCodes.ok;
    } catch (fault) {
      await started.disposeAsync();
      process.stderr.write(`certgate dev: ${withDevOption(describeFault(fault))}\n`);
      return exitCodes.failed;
    }
  },
};

function tellAboutPki({ directory, report }: DevPki): void {
  const counts = new Map<string, number>();
  for (const { outcome } of report) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
  process.stdout.write(`PKI in ${directory}: ${parts.join(", ")}\n`);
}

function welcome({ directory }: DevPki, port: number, adminPort: number, reply: string): string {
  const where = relative(process.cwd(), directory) || ".";
  const file = (name: string) => shellWord(`${where}/${name}`);
  const curl = (client: string, rest: string) =>
    `curl ${rest.startsWith("-N") ? "-N " : ""}--cacert ${file("root-ca.pem")} --cert ${file(`clients/${client}.pem`)} ` +
    `--key ${file(`clients/${client}.key`)} https://localhost:${port}${rest.replace(/^-N /, "")}`;
  const chat = (body: string) =>
    `/openai/v1/chat/completions -H 'content-type: application/json' -d '${body}'`;
  return `self-check passed: the allowed client got "${reply}"

certgate listens on https://localhost:${port}, its admin port is http://127.0.0.1:${adminPort} (/readyz, /metrics)

An answer:
  ${curl("allowed", chat('{"model":"gpt-4o","messages":[{"role":"user","content":"Say hello"}]}'))}

The same as a stream:
  ${curl("allowed", `-N ${chat('{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Say hello"}]}')}`)}

A refusal with its reason (revoked; ${where}/clients has one for each thing that can be wrong):
  ${curl("revoked", "/openai/v1/models")}

Why, stage by stage:
  npm run certgate -- explain --config ${file(devConfigFiles.offline)} --cert ${file("clients/revoked.pem")}

Ctrl-C stops everything.
`;
}
