import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Exception, runFolder } from "../test/conformance/run-folder.ts";

const usage = `conformance [DIR] [--json FILE]

Runs every case of the corpora in DIR through the validator and prints the scores.
DIR    a folder in the schema of the conformance corpus
       (default: $CERTGATE_CONFORMANCE_DIR, else ../shared/conformance beside the checkout)
--json writes [{id, source, tier, expected, got, reason, ms}]

Exit code 1: a false accept, a slow case, an unjustified false reject or an exception that no longer fails.`;

const checkout = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, help: { type: "boolean", short: "h" } },
});

if (values.help === true) {
  console.log(usage);
} else {
  const folder = resolve(
    positionals[0] ?? process.env["CERTGATE_CONFORMANCE_DIR"] ?? resolve(checkout, "../shared/conformance"),
  );
  if (!existsSync(folder)) {
    console.error(`conformance: there is no folder ${folder}\n\n${usage}`);
    process.exitCode = 2;
  } else {
    const exceptions = JSON.parse(
      readFileSync(resolve(checkout, "test/conformance/exceptions.json"), "utf8"),
    ) as Exception[];
    const run = runFolder(folder, exceptions);
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(run.results, undefined, 1)}\n`);
    console.log(run.report);
    for (const complaint of run.complaints) console.error(complaint);
    process.exitCode = run.complaints.length === 0 ? 0 : 1;
  }
}
