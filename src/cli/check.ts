import { registryProblem } from "../compose/clients.ts";
import { systemClock } from "../kernel/clock.ts";
import { exitCodes, type Command } from "./command.ts";
import { readConfigOrComplain } from "./config-file.ts";
import { readWords, required } from "./read-words.ts";

export const check: Command = {
  name: "check",
  summary: "checks a configuration and reports all its problems at once",
  help: `certgate check --config FILE

Reads the configuration as serve would and reports every problem with its path
and a hint, and what is wrong with its registry of clients. Nothing is started
and nothing is fetched.

Exit code: 0 no problem, 1 problems, 2 wrong usage.
`,
  async run(words) {
    const file = required(readWords(words, ["config"]), "config");
    const config = await readConfigOrComplain(file);
    if (config === undefined) return exitCodes.failed;
    const problem = await registryProblem(config, systemClock);
    if (problem !== undefined) {
      process.stderr.write(`registry: ${problem}\n\n${file}: its registry has problems\n`);
      return exitCodes.failed;
    }
    const count = (record: object) => Object.keys(record).length;
    process.stdout.write(
      `${file}: no problem (${count(config.clients)} clients, ${count(config.deployments)} deployments, ` +
        `${count(config.backends)} backends)\n`,
    );
    return exitCodes.ok;
  },
};
