import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** How a process ended, with all that it wrote. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under test. */
export interface Running {
  readonly ended: Promise<Ended>;
  /** All that it wrote until now. */
  readonly written: { readonly stdout: string; readonly stderr: string };
  /** Resolves with the first match in what was written until now or will be; rejects when the process ends without. */
  wrote(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
}

export interface RunOptions {
  /** Default: the project's root, as npm scripts have it. */
  readonly cwd?: string;
  /** Beside what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface CertgateOptions extends RunOptions {
  /** What Node is told before the words: its own options, and the program. Default: the sources'. */
  readonly program?: readonly string[];
}

/** Processes that a failed test left behind must not outlive the test run. */
const alive = new Set<() => void>();
process.once("exit", () => {
  for (const kill of alive) kill();
});

/** Starts a program and records what it writes. */
export function run(program: string, words: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(program, words, {
    cwd: options.cwd ?? root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...options.env },
  });
  const kill = () => void child.kill("SIGKILL");
  alive.add(kill);
  const written = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const watch of watchers) watch();
    });
  // `close`, not `exit`: only then everything that it wrote is here.
  const ended = once(child, "close").then(([code, signal]: unknown[]): Ended => {
    alive.delete(kill);
    return { code: code as Ended["code"], signal: signal as Ended["signal"], ...written };
  });
  return {
    ended,
    written,
    async wrote(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const watch = () => {
        const match = pattern.exec(`${written.stdout}\n${written.stderr}`);
        if (match !== null) resolve(match);
      };
      watchers.add(watch);
      watch();
      void ended.then(({ code, signal, stdout, stderr }) =>
        reject(new Error(`ended (${code ?? signal}) without ${pattern}\n${stdout}\n${stderr}`)),
      );
      return promise.finally(() => watchers.delete(watch));
    },
    signal: (name) => void child.kill(name),
  };
}

const sources = [join(root, "src/main.ts")];

/** Starts `certgate` on the Node that runs the tests; if nothing else is said, from the sources as the npm scripts do. */
export const certgate = (
  words: readonly string[],
  { program = sources, ...options }: CertgateOptions = {},
): Running => run(process.execPath, [...program, ...words], options);

/** Runs `certgate` to its end. */
export const certgateOnce = (words: readonly string[], options?: CertgateOptions): Promise<Ended> =>
  certgate(words, options).ended;
