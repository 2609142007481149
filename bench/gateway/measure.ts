import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Grounds } from "./grounds.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";
import { cores, pinned, type Running } from "./programs.ts";

/** A plan without what follows from the programs that are measured. */
type Without<T> = T extends unknown
  ? Omit<T, "port" | "ca" | "clients" | "proxyPids" | "backendPids">
  : never;
export type Load = Without<LoadPlan>;

/** Who took part in a measurement. */
export interface Lineup {
  readonly grounds: Grounds;
  readonly backends: readonly Running[];
}

function startLoad(load: Load, target: Running, { grounds, backends }: Lineup) {
  const plan: LoadPlan = {
    ...load,
    port: target.port,
    ca: join(grounds.folder, "root.pem"),
    clients: grounds.clients,
    proxyPids: [target.pid],
    backendPids: backends.map(({ pid }) => pid),
  };
  const [command = "", ...words] = pinned(cores.rest, [
    process.execPath,
    "--max-semi-space-size=32",
    join(import.meta.dirname, "load.ts"),
    JSON.stringify(plan),
  ]);
  return spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
}

/** Runs a load against one program to its end. @throws Error when it measured nothing */
export async function measure(load: Load, target: Running, lineup: Lineup): Promise<LoadResult> {
  const child = startLoad(load, target, lineup);
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  const result = JSON.parse(output || "null") as LoadResult | null;
  if (result === null) throw new Error(`the load against ${target.name} ended without a result`);
  return result;
}

/** Opens idle connections, calls `during` while they stay, and closes them. @returns how many failed */
export async function whileIdle(
  connections: number,
  load: Load,
  target: Running,
  lineup: Lineup,
  during: () => void,
): Promise<number> {
  const child = startLoad({ ...load, kind: "idle", connections }, target, lineup);
  const failures = await new Promise<number>((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.endsWith("\n")) resolve((JSON.parse(output) as { failures: number }).failures);
    });
    child.once("exit", () => reject(new Error("the idle connections ended early")));
  });
  during();
  child.stdin.write("enough\n");
  await new Promise((resolve) => child.once("exit", resolve));
  return failures;
}

/** The load's core had nothing left, and the proxy's had: then the rate is the load's, and only costs can be compared. */
export const loadWasTheLimit = ({ loadCpu, backendCpu, proxyCpu, seconds }: LoadResult): boolean =>
  (loadCpu + backendCpu) / seconds > 0.9 && proxyCpu / seconds < 0.9;
