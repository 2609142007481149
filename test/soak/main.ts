import { parseArgs } from "node:util";
import { startSteadyLoad } from "../support/steady-load.ts";
import { changing, guestCallers } from "./changes.ts";
import { flatness, type Tolerance } from "./flatness.ts";
import { guestVisits } from "./guests.ts";
import { descriptors, type Footprint, footprint } from "./probe.ts";
import { startScene } from "./scene.ts";
import { pause, startVisits } from "./visits.ts";

const help = `npm run soak -- [--minutes N]

  --minutes N     how long (60); the first third, at most ten minutes, is to warm up

Runs the gateway (serve, a real configuration, a local Azure) under a steady load of
requests, streams, uploads, WebSockets, refused clients and new connections, and
changes its files and its configuration on the way. Exit code 1 when memory or
descriptors grow, or when anything fails that should pass, or passes that should fail.
`;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, help: { type: "boolean", default: false } },
});
const minutes = Number(values.minutes);
if (values.help || !(minutes >= 0.5)) {
  process.stderr.write(help);
  process.exit(values.help ? 0 : 2);
}

const MB = 1e6;
/** What each figure may grow by in the time that is looked at, however long that is. */
const tolerances: Readonly<
  Record<keyof Footprint, Tolerance & { readonly name: string; readonly unit: number }>
> = {
  heapBytes: { name: "heap, MB", unit: MB, atLeast: 4 * MB, share: 0.05 },
  externalBytes: { name: "buffers, MB", unit: MB, atLeast: 4 * MB, share: 0.05 },
  // Pages that the allocator keeps for later are not a leak; one that lasts shows in an hour.
  residentBytes: { name: "resident, MB", unit: MB, atLeast: 24 * MB, share: 0.1 },
  // A machine that gets slower has more connections open at a time. What is left behind is seen at rest.
  descriptors: { name: "descriptors", unit: 1, atLeast: 40, share: 0.25 },
};
const figures = Object.keys(tolerances) as (keyof Footprint)[];

const totalMs = minutes * 60_000;
const warmUpMs = Math.min(totalMs / 3, 600_000);
const everyMs = Math.max(4000, totalMs / 90);
const problems: string[] = [];

const scene = await startScene();
const { gateway, pki, cast } = scene;
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
void noteEnd();

const atRest = descriptors(gateway.pid);
const asker = { port: gateway.port, ca: pki.root.pem, client: pki.client };
const load = startSteadyLoad({
  port: gateway.port,
  ca: pki.root.pem,
  callers: [...cast.callers, ...guestCallers(scene)],
});
const visits = startVisits([
  ...guestVisits(asker, { ...asker, client: scene.keeper }),
  changing(scene, load, Math.max(10_000, totalMs / 120)),
]);

const began = performance.now();
const readings: (Footprint & { readonly seconds: number })[] = [];
console.log(row("minute", "requests", ...figures.map((figure) => tolerances[figure].name), "wrong"));
console.log(row("---:", "---:", ...figures.map(() => "---:"), "---:"));
while (!ending.signal.aborted && performance.now() - began < totalMs) {
  await pause(everyMs, ending.signal);
  if (ending.signal.aborted) break;
  const now = {
    ...(await footprint(gateway.pid, gateway.inspector)),
    seconds: (performance.now() - began) / 1000,
  };
  readings.push(now);
  const { requests, wronglyFailed, wronglyPassed, wronglyRefused } = load.report();
  console.log(
    row(
      (now.seconds / 60).toFixed(1),
      String(requests),
      ...figures.map((figure) => shown(figure, now[figure])),
      String(wronglyFailed + wronglyPassed + wronglyRefused + failedVisits()),
    ),
  );
}

await visits.stop();
const report = await load.stop();
const isWhole = !ending.signal.aborted;
ending.abort();
judge();
if (isWhole) await judgeRest();
await scene.stop();
for (const problem of problems) console.log(`NOT FLAT OR NOT RIGHT: ${problem}`);
if (problems.length === 0) console.log(`flat, and nothing went wrong in ${minutes} minutes`);
process.exit(problems.length === 0 ? 0 : 1);

async function noteEnd(): Promise<void> {
  const code = await gateway.ended;
  if (!ending.signal.aborted) problems.push(`the gateway ended by itself, exit code ${code}`);
  ending.abort();
}

function judge(): void {
  const { requests, answered, refused, wronglyFailed, wronglyPassed, wronglyRefused, examples } = report;
  console.log(
    `\nsteady load: ${requests} requests in ${Math.round(report.seconds)} s, ${answered} answered, ${refused} refused as they should be, ` +
      `${wronglyFailed} wrongly failed, ${wronglyPassed} wrongly passed, ${wronglyRefused} refused for another reason; ` +
      `${report.late} were late or left out, by up to ${Math.round(report.latest)} ms; ${gateway.logLines} lines of log`,
  );
  problems.push(...examples);
  for (const { name, done, failed, example } of visits.counts) {
    console.log(`${name}: ${done}, failed ${failed}`);
    if (failed > 0) problems.push(`${name}: ${failed} failed: ${example}`);
    if (done === 0) problems.push(`${name}: none was done`);
  }
  for (const line of gateway.errors) problems.push(`the gateway's log: ${line}`);
  if (!isWhole) return void problems.push("it was broken off");

  const measured = readings.filter(({ seconds }) => seconds * 1000 >= warmUpMs);
  console.log(
    `\n${row(`after ${(warmUpMs / 60_000).toFixed(1)} min of warm-up`, "median", "growth", "allowed", "")}`,
  );
  console.log(row("---", "---:", "---:", "---:", "---"));
  for (const figure of figures) {
    const tolerance = tolerances[figure];
    const found = flatness(
      measured.map((reading) => ({ seconds: reading.seconds, value: reading[figure] })),
      tolerance,
    );
    const numbers = [found.median, found.growth, found.allowed].map((value) => shown(figure, value));
    console.log(row(tolerance.name, ...numbers, found.isFlat ? "flat" : "GROWS"));
    if (!found.isFlat) problems.push(`${tolerance.name} grew by ${numbers[1]}, allowed are ${numbers[2]}`);
  }
}

/** When everybody has left, so have their descriptors. */
async function judgeRest(): Promise<void> {
  // What it may keep: idle connections to backends, for a while.
  const allowed = atRest + 10;
  let now = descriptors(gateway.pid);
  for (const until = performance.now() + 60_000; now > allowed && performance.now() < until;)
    now = await pause(500, new AbortController().signal).then(() => descriptors(gateway.pid));
  console.log(`\ndescriptors at rest: ${atRest} before the load, ${now} after it`);
  if (now > allowed) problems.push(`${now} descriptors are open after the load, ${atRest} were before it`);
}

function failedVisits(): number {
  return visits.counts.reduce((sum, { failed }) => sum + failed, 0);
}

function shown(figure: keyof Footprint, value: number): string {
  const { unit } = tolerances[figure];
  return (value / unit).toFixed(unit === 1 ? 0 : 1);
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}
