import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { measure, type Lineup } from "./measure.ts";
import { residentBytes } from "./process-figures.ts";
import type { Running } from "./programs.ts";
import { plainLoad } from "./rows.ts";
import type { Line } from "./table.ts";
import { render } from "./table.ts";

const entries = 1_000_000;
const perSecond = 500;

/** A CRL of a million entries is replaced by another under load: the gateways alone, peers need a new process for it. */
export async function reloadLines(
  targets: readonly Running[],
  lineup: Lineup,
  say: (text: string) => void,
): Promise<Line[]> {
  const { grounds } = lineup;
  const next = await grounds.crls(entries, 2);
  const current = await grounds.crls(entries);
  const figures: Record<string, [string, number, number]> = {
    failures: ["", 0, 0],
    peak: ["MB", 0, 0],
    p50: ["ms", 0, 2],
    p99: ["ms", 0, 2],
    max: ["ms", 0, 1],
  };
  const values: Record<string, Record<string, { median: number; low: number; high: number }>> = {};
  const remarks: string[] = [];
  for (const target of targets.filter(({ adminPort }) => adminPort !== undefined)) {
    const before = residentBytes([target.pid]);
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, residentBytes([target.pid]))), 5);
    const since = Date.now();
    const swapped = (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await copyFile(next, join(grounds.folder, "next.pem"));
      await rename(join(grounds.folder, "next.pem"), current);
    })();
    // The gateway looks every 5 seconds.
    const result = await measure(
      {
        ...plainLoad(grounds, { warmUpMs: 1000, measureMs: 9000 }),
        kind: "open",
        connections: 32,
        perSecond,
      },
      target,
      lineup,
    );
    await swapped;
    clearInterval(sampler);
    const taken = await takenSince(target, since);
    if (!taken) remarks.push(`${target.name}: the new CRL was not taken within the measured time`);
    const found = {
      failures: result.failures,
      peak: (peak - before) / 1e6,
      p50: result.latency.p50,
      p99: result.latency.p99,
      max: result.latency.max,
    };
    for (const [name, value] of Object.entries(found))
      (values[name] ??= {})[target.name] = { median: value, low: value, high: value };
  }
  const names: Record<string, string> = {
    failures: "failed requests and connections",
    peak: "more memory at its peak",
    p50: "latency p50",
    p99: "latency p99",
    max: "latency, longest",
  };
  const lines = Object.entries(figures).map(([name, [unit, , digits]]) => ({
    row: `reload of a CRL of ${entries.toLocaleString("en")} at ${perSecond}/s`,
    figure: names[name] ?? name,
    unit,
    digits,
    values: values[name] ?? {},
    remarks,
  }));
  say(render(lines));
  return lines;
}

/** Whether the gateway's own metrics say that a CRL was fetched in the meantime. */
async function takenSince(target: Running, since: number): Promise<boolean> {
  const page = await (await fetch(`http://127.0.0.1:${target.adminPort}/metrics`)).text();
  const ages = [...page.matchAll(/^certgate_source_age_seconds\{source="[^"]*crl[^"]*"\} ([\d.]+)/gm)].map(
    ([, age]) => Number(age),
  );
  return ages.some((age) => Date.now() - age * 1000 > since);
}
