import { addClient, importClients, listClients, removeClient, rotateClient } from "./client-commands.ts";
import { UsageError, type Command } from "./command.ts";

const commands: Readonly<Record<string, (words: readonly string[]) => Promise<number>>> = {
  add: addClient,
  rotate: rotateClient,
  list: listClients,
  remove: removeClient,
  import: importClients,
};

export const client: Command = {
  name: "client",
  summary: "adds, rotates, lists, removes and imports clients",
  help: `certgate client add    (--registry F | --config F) --name N
                       [--thumbprint T[,T]] [--cert PEM] [--match JSON]
                       [--deployments D[,D]] [--routes R[,R]] [--roles R[,R]]
                       [--operations O[,O]] [--api-versions V[,V]]
                       [--source-networks C[,C]] [--hours JSON]
certgate client rotate (--registry F | --config F) --name N
                       (--thumbprint T | --cert PEM) [--overlap 14d]
certgate client list   (--registry F | --config F) [--format text|json]
certgate client remove (--registry F | --config F) --name N
certgate client import --registry F --file CLIENTS.csv|CLIENTS.json

  --registry F   the SQLite file that the configuration names under registry;
                 add and import make it. A running gateway takes changes at once
  --config F     the configuration itself; its comments stay. Needs a restart
  --cert PEM     takes the thumbprint from a certificate
  --overlap T    how long the old certificate stays valid: 14d, 12h, 30m or 0.
                 Default 14d

What a client is and may is written as in the configuration; lists with commas.
Nothing is changed where anything is wrong; all problems are told at once.

Exit code: 0 done, 1 problems, 2 wrong usage.
`,
  async run([name, ...rest]) {
    const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UsageError(`say one of: ${Object.keys(commands).join(", ")}.`);
    return command(rest);
  },
};
