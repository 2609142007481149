import type { LoadResult } from "./load-plan.ts";
import { loadWasTheLimit } from "./measure.ts";
import type { Figure, Row } from "./rows.ts";

/** One line of the report. */
export interface Line {
  readonly row: string;
  readonly figure: string;
  readonly unit: string;
  readonly digits: number;
  readonly reach?: Figure["reach"];
  /** By program. */
  readonly values: Readonly<
    Record<
      string,
      { readonly median: number; readonly low: number; readonly high: number; readonly ratio?: number }
    >
  >;
  readonly remarks: readonly string[];
}

/** Results of one row by program, one a round, in the order of the rounds. */
export type Rounds = Readonly<Record<string, readonly LoadResult[]>>;

/** The measured programs' name for the backend asked directly. */
export const directly = "directly";

/** Ratios are taken within a round, where the machine was the same for both, and then the median of them. */
export function linesOf(row: Row, rounds: Rounds): Line[] {
  const remarks = Object.entries(rounds).flatMap(([name, results]) => {
    const limited = results.filter(loadWasTheLimit).length;
    const failed = results.reduce((sum, { failures }) => sum + failures, 0);
    const silent = results.filter(({ answers }) => answers === 0).length;
    const example = results.find(({ failure }) => failure !== undefined)?.failure;
    return [
      ...(limited > 0 ? [`${name}: the load was the limit in ${limited} of ${results.length} runs`] : []),
      ...(silent > 0 ? [`${name}: not one answer in ${silent} of ${results.length} runs`] : []),
      ...(failed > 0 ? [`${name}: ${failed} failures (${example})`] : []),
    ];
  });
  return row.figures.map((figure) => {
    const numbers = new Map(
      Object.entries(rounds)
        .filter(([name]) => name !== directly)
        .map(([name, results]) => [
          name,
          results.map((result, round) => {
            const direct = figure.added === true ? rounds[directly]?.[round] : undefined;
            return figure.of(result) - (direct === undefined ? 0 : figure.of(direct));
          }),
        ]),
    );
    const nginx = numbers.get("nginx");
    const values = Object.fromEntries(
      [...numbers].map(([name, list]) => [
        name,
        {
          median: median(list),
          low: Math.min(...list),
          high: Math.max(...list),
          ...(nginx === undefined || name === "nginx" ? {} : ratioOf(list, nginx)),
        },
      ]),
    );
    return {
      row: row.name,
      figure: figure.name,
      unit: figure.unit,
      digits: figure.digits,
      ...(figure.reach === undefined ? {} : { reach: figure.reach }),
      values,
      remarks,
    };
  });
}

/** None where one of the numbers is not positive: the backend alone was slower than what stood in front of it. */
function ratioOf(list: readonly number[], nginx: readonly number[]): { readonly ratio?: number } {
  if ([...list, ...nginx].some((value) => value <= 0)) return {};
  return { ratio: median(list.map((value, round) => value / (nginx[round] ?? Number.NaN))) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const above = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? above : ((sorted[middle - 1] ?? Number.NaN) + above) / 2;
}

/** The lines as text: medians, with ratios to nginx in brackets. */
export function render(lines: readonly Line[]): string {
  const names = [...new Set(lines.flatMap(({ values }) => Object.keys(values)))];
  const table: string[][] = [["", ...names, "reach"]];
  let last = "";
  const notes: string[] = [];
  for (const { row, figure, unit, digits, values, reach, remarks } of lines) {
    if (row !== last) {
      table.push([row]);
      notes.push(...remarks.map((remark) => `${row}: ${remark}`));
    }
    last = row;
    const cells = names.map((name) => {
      const value = values[name];
      if (value === undefined) return "-";
      return `${value.median.toFixed(digits)}${value.ratio === undefined ? "" : ` (${value.ratio.toPrecision(3)})`}`;
    });
    table.push([
      `  ${figure}${unit === "" ? "" : `, ${unit}`}`,
      ...cells,
      reach === undefined ? "" : wordsOf(reach, values["certgate"]?.ratio),
    ]);
  }
  const widths =
    table[0]?.map((_, column) =>
      Math.max(...table.map((cells) => (cells.length > 1 ? (cells[column] ?? "").length : 0))),
    ) ?? [];
  const text = table.map((cells) =>
    cells.length === 1
      ? cells[0]
      : cells
          .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
          .join("  "),
  );
  return [...text, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

function wordsOf(reach: NonNullable<Figure["reach"]>, ratio: number | undefined): string {
  const [words, met] =
    "atLeast" in reach
      ? [`>= ${reach.atLeast}`, (ratio ?? 0) >= reach.atLeast]
      : [`<= ${reach.atMost}`, (ratio ?? Infinity) <= reach.atMost];
  return ratio === undefined ? words : `${words} ${met ? "met" : "MISSED"}`;
}
