import { DerReader } from "../../src/pki/der-reader.ts";
import { readName } from "../../src/pki/name.ts";
import { PkiError } from "../../src/pki/pki-error.ts";
import { type NameVector, readFolder } from "./corpus.ts";
import { judgeCase } from "./judge-case.ts";

/** One line of the JSON report. */
export interface CaseResult {
  readonly id: string;
  readonly source: string;
  readonly tier: string;
  readonly expected: "accept" | "reject";
  /** `fault`: it threw, which counts as wrong whatever was expected. */
  readonly got: "accept" | "reject" | "fault";
  readonly reason: string;
  readonly ms: number;
}

export interface FolderRun {
  readonly results: readonly CaseResult[];
  /** The table of scores, its last line the score of the tier `must`. */
  readonly report: string;
  /** Why the run failed; empty when it did not. */
  readonly complaints: readonly string[];
}

/** Why a false reject in the tier `must` is right. */
export interface Exception {
  /** The cases that are known to be refused for it: each must still be, where it is run. */
  readonly ids: readonly string[];
  /** Part of the reason. Every case that is refused with it is excused, in folders not seen before too. */
  readonly reason: string;
  readonly why: string;
}

/** A case that takes longer counts as failed whatever it returns. */
const slowMs = 1000;

export const isSlow = ({ ms }: CaseResult): boolean => ms > slowMs;
export const isFalseAccept = ({ expected, got }: CaseResult): boolean =>
  expected === "reject" && got !== "reject";
export const isFalseReject = ({ expected, got }: CaseResult): boolean =>
  expected === "accept" && got !== "accept";

/** Runs every case of a folder, each in a budget of its own. */
export function runFolder(folder: string, exceptions: readonly Exception[]): FolderRun {
  const { corpora, names } = readFolder(folder);
  const results = [
    ...corpora.flatMap((corpus) =>
      corpus.cases.map((item) =>
        timed({ id: item.id, source: item.source, tier: item.tier, expected: item.expected }, () =>
          judgeCase(corpus, item),
        ),
      ),
    ),
    ...names.map(judgeNames),
  ];
  return { results, report: reportOf(results), complaints: complaintsOf(results, exceptions) };
}

function timed(
  about: Pick<CaseResult, "id" | "source" | "tier" | "expected">,
  judge: () => Pick<CaseResult, "got" | "reason">,
): CaseResult {
  const start = performance.now();
  let judged: Pick<CaseResult, "got" | "reason">;
  try {
    judged = judge();
  } catch (error) {
    judged = {
      got: "fault",
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  return { ...about, ...judged, ms: Math.round((performance.now() - start) * 1000) / 1000 };
}

/** Name vectors run under a tier of their own. BMPString and UniversalString are optional, so unequal is no error. */
function judgeNames({ id, a, b, equal }: NameVector): CaseResult {
  const optional = equal && /BMP|UNIVERSAL/i.test(id);
  const expected = equal ? "accept" : "reject";
  return timed({ id, source: "names", tier: optional ? "names-optional" : "names", expected }, () => {
    try {
      const [left, right] = [a, b].map((name) => {
        const reader = new DerReader(Buffer.from(name, "base64"), "name");
        const read = readName(reader, "name");
        reader.finish();
        return read;
      });
      const same = left !== undefined && right !== undefined && left.equals(right);
      return { got: same ? "accept" : "reject", reason: same ? "" : "the names differ" };
    } catch (error) {
      if (error instanceof PkiError) return { got: "reject", reason: error.message };
      throw error;
    }
  });
}

function reportOf(results: readonly CaseResult[]): string {
  const groups = Map.groupBy(results, ({ source, tier }) => `${source}\t${tier}`);
  const rows = [...groups].map(([key, group]) => [...key.split("\t"), ...scores(group).map(String)]);
  const table = [["source", "tier", "cases", "false accepts", "false rejects", "slow"], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const [cases, accepts, rejects, slow] = scores(results.filter(({ tier }) => tier === "must"));
  return [...lines, `false accepts ${accepts}, false rejects ${rejects}, slow ${slow}, of ${cases}`].join(
    "\n",
  );
}

const scores = (group: readonly CaseResult[]): [number, number, number, number] => [
  group.length,
  group.filter(isFalseAccept).length,
  group.filter(isFalseReject).length,
  group.filter(isSlow).length,
];

function complaintsOf(results: readonly CaseResult[], exceptions: readonly Exception[]): string[] {
  const known = new Set(exceptions.flatMap(({ ids }) => ids));
  const complaints: string[] = [];
  for (const result of results) {
    const scored = result.tier === "must" || result.tier === "names";
    const excused = exceptions.some(({ reason }) => result.reason.includes(reason));
    const what = `${result.id}: ${result.got} (${result.reason})`;
    if (isSlow(result)) complaints.push(`slow: ${result.id} took ${result.ms} ms`);
    if (result.got === "fault") complaints.push(`fault: ${what}`);
    else if (scored && isFalseAccept(result)) complaints.push(`false accept: ${what}`);
    else if (scored && isFalseReject(result) && !excused)
      complaints.push(`unjustified false reject: ${what}`);
    if (known.has(result.id) && !isFalseReject(result))
      complaints.push(`${result.id} stands in exceptions.json, but is no false reject any more`);
  }
  return complaints;
}
