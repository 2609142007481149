import { appendFileSync } from "node:fs";
import { inject, vi } from "vitest";
import type { SteadyCast } from "./steady-cast.ts";
import {
  type LoadReport,
  startSteadyLoad,
  type SteadyCaller,
  type SteadyLoad,
  type SteadyLoadOptions,
} from "./steady-load.ts";

// On a machine that others keep busy, too.
vi.setConfig({ testTimeout: 90_000 });

export { type SteadyCast, steadyCast, steadyPace } from "./steady-cast.ts";

/**
 * One row of the table of operations, which is printed when all tests have ended (`operations-table.ts`).
 * @returns the report, to be expected of
 */
export function noteOperation(operation: string, report: LoadReport): LoadReport {
  const { requests, wronglyFailed, wronglyPassed, wronglyRefused, longestGap, cutStreams, latest } = report;
  const numbers = [requests, wronglyFailed, wronglyPassed, wronglyRefused, longestGap, cutStreams, latest];
  const row = `| ${[operation, ...numbers.map((number) => Math.round(number))].join(" | ")} |`;
  appendFileSync(inject("operationsTable"), `${row}\n`);
  const problem = loadProblem(report);
  if (problem !== undefined) console.log(`${operation}: ${problem}`);
  return report;
}

/** Says so when the load could not keep its own rate: then its gaps and delays are not only the gateway's. */
export const loadProblem = ({ late, requests, latest }: LoadReport): string | undefined =>
  late > requests / 100
    ? `the load did not keep its rate: ${late} of ${requests} requests left late or not at all, by up to ${Math.round(latest)} ms`
    : undefined;

/** What every operation promises. */
export const clean = { wronglyFailed: 0, wronglyPassed: 0, wronglyRefused: 0, examples: [] };

/** Starts the load once the gateway has answered one request: what a first one costs is not what is looked at. */
export async function steadyLoadOn(
  cast: SteadyCast,
  port: number,
  others: readonly SteadyCaller[] = [],
  { ca = cast.pki.root.pem, ...options }: Partial<Pick<SteadyLoadOptions, "asksAgain" | "ca">> = {},
): Promise<SteadyLoad> {
  const callers = [...cast.callers, ...others];
  const first = startSteadyLoad({
    port,
    ca,
    callers: callers.map((caller) => ({ ...caller, perSecond: 4 })),
  });
  await first.ended(callers.length * 2);
  await first.stop();
  return startSteadyLoad({ port, ca, callers, ...options });
}
