import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { asShipped } from "../../scripts/as-shipped.ts";

/** `certgate serve` as a process of its own, built and started as the image does it, with Node's inspector open on loopback. */
export interface GatewayProcess {
  readonly pid: number;
  readonly port: number;
  /** The inspector's own address. */
  readonly inspector: string;
  /** Lines of the log at level `error`, but for configurations that were refused. */
  readonly errors: readonly string[];
  readonly logLines: number;
  readyz(): Promise<number>;
  /** Has the configuration read again. @returns `applied`, `unchanged` or `refused` */
  reload(): Promise<string>;
  /** Resolves with the exit code, whenever that is. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

export interface GatewayProcessOptions {
  /** That of the build. */
  readonly program: string;
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** The bearer token of the admin port. */
  readonly token: string;
}

export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const shipped = await asShipped();
  const child = spawn(
    process.execPath,
    [
      ...shipped.options,
      "--inspect=127.0.0.1:0",
      options.program,
      "serve",
      "--workers",
      "1",
      "--config",
      options.configFile,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...shipped.env, ...options.env } },
  );
  const ended = once(child, "close").then(([code]) => code as number | null);
  const errors: string[] = [];
  let [logLines, serves] = [0, false];
  const inspector = lineWith(child.stderr, /Debugger listening on (ws:\S+)/);
  const listening = lineWith(child.stdout, /"port":(\d+),"adminPort":(\d+)[^\n]*certgate is listening/);
  createInterface({ input: child.stdout }).on("line", (line) => {
    logLines += 1;
    serves ||= line.includes("certgate is listening");
    // Before that it says what it does not have yet.
    if (serves && line.includes('"level":"error"') && !line.includes("the new configuration is refused"))
      if (errors.length < 20) errors.push(line.slice(0, 500));
  });
  const tooEarly = ended.then((code) => {
    throw new Error(`the gateway ended with ${code}`);
  });
  tooEarly.catch(() => {});
  const [[, port], [, address]] = await Promise.race([Promise.all([listening, inspector]), tooEarly]);
  const [, , adminPort] = await listening;
  const admin = `http://127.0.0.1:${adminPort}`;
  return {
    pid: pidOf(child),
    port: Number(port),
    inspector: String(address),
    errors,
    get logLines() {
      return logLines;
    },
    ended,
    async readyz() {
      const answer = await fetch(`${admin}/readyz`);
      await answer.text();
      return answer.status;
    },
    async reload() {
      const answer = await fetch(`${admin}/reload`, {
        method: "POST",
        headers: { authorization: `Bearer ${options.token}` },
      });
      const body = (await answer.json()) as { outcome?: string; error?: string };
      return body.outcome ?? `${answer.status} ${body.error}`;
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function lineWith(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<RegExpExecArray> {
  const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
  const lines = createInterface({ input: stream });
  lines.on("line", (line) => {
    const match = pattern.exec(line);
    if (match !== null) resolve(match);
  });
  return promise;
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the gateway did not start");
  return pid;
}
