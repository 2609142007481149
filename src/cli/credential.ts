import { testCredentials, type CredentialReport } from "../compose/test-credentials.ts";
import { suggestHint } from "../config/suggest.ts";
import { systemClock } from "../kernel/clock.ts";
import { exitCodes, UsageError, type Command } from "./command.ts";
import { readConfigOrComplain } from "./config-file.ts";
import { readWords, required } from "./read-words.ts";

export const credential: Command = {
  name: "credential",
  summary: "fetches a credential's token now, and says whose it is or why there is none",
  help: `certgate credential test --config FILE [NAME] [--format text|json]

  --config FILE   the configuration
  NAME            one credential; without it, all of them
  --format json   one JSON object a credential and line

Asks for what serve would ask for, and prints tenant, audience, expiry and the
identity's object id, never the token. Of a key it says where it is and about how
long it is. Run it as the user and on the host that serve runs as and on: a managed
identity, a login and an environment are theirs.

Exit code: 0 all work, 1 one does not or the configuration has a problem, 2 wrong usage.
`,
  async run([action, ...words]) {
    if (action !== "test") throw new UsageError("say: test.");
    const { name, rest } = takeName(words);
    const values = readWords(rest, ["config", "format"]);
    const file = required(values, "config");
    const format = values.format ?? "text";
    if (format !== "text" && format !== "json") throw new UsageError("--format is text or json.");
    const config = await readConfigOrComplain(file);
    if (config === undefined) return exitCodes.failed;
    const known = Object.keys(config.credentials);
    if (name !== undefined && !known.includes(name))
      throw new UsageError(
        `${file} has no credential ${JSON.stringify(name)}. ${suggestHint(name, known, "It has none.")}`,
      );
    const reports = await testCredentials(config, name === undefined ? known : [name], systemClock);
    process.stdout.write(
      format === "json"
        ? reports.map((report) => `${JSON.stringify(report)}\n`).join("")
        : reports.map(formatReport).join("\n"),
    );
    return reports.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failed;
  },
};

/** The one word that is no option's: every option takes the word behind it, unless its own holds a `=`. */
function takeName(words: readonly string[]): { readonly name?: string; readonly rest: readonly string[] } {
  const at = words.findIndex((word, index) => {
    const before = words[index - 1] ?? "";
    return !word.startsWith("-") && (!before.startsWith("-") || before.includes("="));
  });
  const name = words[at];
  return name === undefined ? { rest: words } : { name, rest: words.toSpliced(at, 1) };
}

function formatReport({ name, type, ok, facts, problem, seen }: CredentialReport): string {
  const lines = Object.entries(facts).map(([key, value]) => `${key.padEnd(12)} ${value}`);
  if (problem !== undefined) lines.push(problem);
  // Apart from the sentence, whose end may be a command to type.
  if (seen !== undefined) lines.push(`seen: ${seen.replaceAll("\n", "\n    ")}`);
  return `${ok ? "+" : "x"} ${name} (${type})\n${lines.map((line) => `    ${line}\n`).join("")}`;
}
