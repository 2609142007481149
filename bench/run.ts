import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchCrls } from "./crl.ts";
import { benchDecisions } from "./decisions.ts";
import { benchRejudging } from "./rejudging.ts";
import type { Measurement } from "./measurement.ts";
import { benchPolicy } from "./policy.ts";

const help = `npm run bench -- pki|policy [--json FILE] [--quick]

  --json FILE   also writes the numbers, the machine and the versions as JSON
  --quick       tiny sizes: shows that it runs, says nothing about speed
`;

const suites: Readonly<Record<string, (quick: boolean) => Promise<Measurement[]>>> = {
  async pki(quick) {
    return [...(await benchDecisions(quick)), ...(await benchRejudging(quick)), ...(await benchCrls(quick))];
  },
  policy: benchPolicy,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
});
const suite = suites[positionals[0] ?? ""];
if (suite === undefined) {
  process.stderr.write(help);
  process.exit(2);
}

const machine = {
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cpus: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  openssl: process.versions.openssl,
  date: new Date().toISOString().slice(0, 10),
};
const measurements = await suite(values.quick);
console.log(
  `${machine.cpus} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}, OpenSSL ${machine.openssl}\n`,
);
const width = Math.max(...measurements.map(({ what }) => what.length));
for (const { what, values: numbers } of measurements)
  console.log(
    `${what.padEnd(width)}  ${Object.entries(numbers)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
  );
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ machine, measurements }, undefined, 2)}\n`);
