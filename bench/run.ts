import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchCrls } from "./crl.ts";
import { benchDecisions } from "./decisions.ts";
import { benchFailover } from "./failover.ts";
import { benchGateway } from "./gateway.ts";
import { benchRejudging } from "./rejudging.ts";
import type { Measurement } from "./measurement.ts";
import { benchPolicy } from "./policy.ts";
import { benchScale } from "./scale.ts";

const help = `npm run bench -- [gateway|pki|policy|failover|scale] [options]

  gateway         the built gateway beside nginx, HAProxy and Caddy, where this machine has them (the default)
  pki             trust decisions and CRLs
  policy          a million clients
  scale           a million clients and CRL entries, ten thousand connections, two workers
  failover        ten thousand requests to two backends, one of which fails

  --json FILE     also writes the numbers, the machine and the versions as JSON
  --quick         tiny sizes: shows that it runs, says nothing about speed

  gateway only:
  --rounds N      alternating rounds of each measurement (5)
  --seconds N     of each measured run (3)
  --only TEXT     only rows whose name holds this; may stand several times
  --against DIR   another checkout of the gateway beside this one: before and after a change
`;

const suites: Readonly<Record<string, (quick: boolean) => Promise<Measurement[]>>> = {
  async pki(quick) {
    return [...(await benchDecisions(quick)), ...(await benchRejudging(quick)), ...(await benchCrls(quick))];
  },
  policy: benchPolicy,
  failover: benchFailover,
  scale: benchScale,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", multiple: true, default: [] },
    against: { type: "string" },
  },
});
const [name = "gateway"] = positionals;
if (positionals.length === 0 && !values.quick) process.stderr.write(`${help}\n`);

const machine = {
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cpus: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  openssl: process.versions.openssl,
  date: new Date().toISOString().slice(0, 10),
};
const machineLine = `${machine.cpus} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}, OpenSSL ${machine.openssl}\n`;

if (name === "gateway") await gateway();
else await suite();

async function gateway(): Promise<void> {
  const report = await benchGateway({
    quick: values.quick,
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    only: values.only,
    ...(values.against === undefined ? {} : { against: values.against }),
    say: (text) => process.stderr.write(`${text}\n\n`),
  });
  const { programs, load, lines, text } = report;
  console.log(machineLine);
  for (const [program, version] of Object.entries(programs)) console.log(`${program} ${version}`);
  console.log(`\nload average ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after\n\n${text}`);
  if (values.quick) console.log("\nquick: these numbers say nothing about speed");
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ machine, programs, load, lines }, undefined, 2)}\n`);
}

async function suite(): Promise<void> {
  const bench = suites[name];
  if (bench === undefined) {
    process.stderr.write(help);
    process.exit(2);
  }
  const measurements = await bench(values.quick);
  console.log(machineLine);
  const width = Math.max(...measurements.map(({ what }) => what.length));
  for (const { what, values: numbers } of measurements)
    console.log(
      `${what.padEnd(width)}  ${Object.entries(numbers)
        .map(([key, value]) => `${key} ${value}`)
        .join(", ")}`,
    );
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ machine, measurements }, undefined, 2)}\n`);
}
