import { exitCodes, UsageError, type Command } from "./command.ts";

/** Loaded when asked for: `certgate check` must not pay for the Azure SDKs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serve,
  check: async () => (await import("./check.ts")).check,
  explain: async () => (await import("./explain.ts")).explain,
  client: async () => (await import("./client.ts")).client,
  credential: async () => (await import("./credential.ts")).credential,
  dev: async () => (await import("./dev.ts")).dev,
};

/** Runs `certgate` with the words behind its name. @returns the exit code */
export async function runCli(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(await overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    process.stderr.write(
      `certgate: there is no command "${name}". Commands: ${Object.keys(commands).join(", ")}.\n`,
    );
    return exitCodes.usage;
  }
  const command = await load();
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(command.help);
    return exitCodes.ok;
  }
  try {
    return await command.run(rest);
  } catch (fault) {
    if (!(fault instanceof UsageError)) throw fault;
    process.stderr.write(`certgate ${name}: ${fault.message} See certgate ${name} --help.\n`);
    return exitCodes.usage;
  }
}

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = all.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `certgate: mutual TLS in, managed identity out, in front of Azure OpenAI

${lines.join("\n")}

certgate COMMAND --help says more.
`;
}
