import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second in /proc: 100 on every Linux that Node runs on. */
const ticks = 100;

/** Seconds of processor time that these processes and their children have used, dead children included. */
export function cpuSeconds(roots: readonly number[]): number {
  let used = 0;
  for (const pid of withChildren(roots)) {
    const fields = statOf(pid);
    // utime, stime, and those of children that were waited for.
    if (fields !== undefined) for (const at of [11, 12, 13, 14]) used += Number(fields[at]);
  }
  return used / ticks;
}

/** Bytes of memory that these processes and their children hold, each page that they share counted once a process. */
export function residentBytes(roots: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of withChildren(roots)) {
    const [, value] = /^VmRSS:\s+(\d+) kB/m.exec(readOrEmpty(`/proc/${pid}/status`)) ?? [];
    kilobytes += Number(value ?? 0);
  }
  return kilobytes * 1024;
}

/** The fields of /proc/PID/stat from the state on; undefined for a process that has ended. */
function statOf(pid: number): string[] | undefined {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  // A command's name can hold spaces and brackets; the fields begin after the last one.
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The processes that this one started. */
export const childrenOf = (pid: number): number[] =>
  namesIn(`/proc/${pid}/task`).flatMap((task) =>
    readOrEmpty(`/proc/${pid}/task/${task}/children`)
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );

function withChildren(roots: readonly number[]): Set<number> {
  const found = new Set<number>();
  const follow = (pid: number) => {
    if (found.has(pid)) return;
    found.add(pid);
    childrenOf(pid).forEach(follow);
  };
  roots.forEach(follow);
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
