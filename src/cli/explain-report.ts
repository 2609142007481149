import type { Explanation } from "../gateway/explain.ts";
import { describeError } from "../kernel/error-catalogue.ts";
import type { TraceStep } from "../model/verdict.ts";

const marks = { pass: "+", fail: "x", info: "-", "not reached": " " } as const;

/** An explanation as a readable tree, one line a check. */
export function formatExplanation({ stages, denied }: Explanation): string {
  const lines = stages.flatMap(({ stage, outcome, trace }) => [
    `[${marks[outcome]}] ${stage}${outcome === "not reached" ? " (not reached)" : ""}`,
    ...trace.map(formatStep),
  ]);
  if (denied === undefined) return `${lines.join("\n")}\n\nallowed\n`;
  const { status, message } = describeError(denied.code);
  return `${lines.join("\n")}\n\ndenied: ${denied.code} (HTTP ${status})\n${message} ${denied.detail}\n`;
}

function formatStep({ check, outcome, detail, certificate, rfc }: TraceStep): string {
  const about = certificate === undefined ? "" : `${certificate}: `;
  return `    ${marks[outcome]} ${check.padEnd(22)} ${about}${detail}${rfc === undefined ? "" : `  (${rfc})`}`;
}
