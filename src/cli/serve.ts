import type { Config } from "../config/schema.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import { exitCodes, type Command } from "./command.ts";
import { readConfigOrComplain } from "./config-file.ts";
import { drainMs } from "./drain-time.ts";
import { reloadFrom } from "./reload-from.ts";
import { readWords, required } from "./read-words.ts";
import { stopSignal } from "./stop-signal.ts";
import { workerCount } from "./worker-count.ts";

export const serve: Command = {
  name: "serve",
  summary: "runs the gateway",
  help: `certgate serve --config FILE [--workers N|auto]

  --config FILE     the configuration
  --workers N|auto  how many processes share the work, default 1; auto: one a core.
                    With several, a further process leads them: it starts those again
                    that die, and has the admin port

Reads the configuration again at SIGHUP, and when it or a file that it names has
changed. What is wrong is refused as a whole, and the one before serves on.

Runs the gateway until SIGTERM or SIGINT; then it lets the exchanges under way end
(at most ${drainMs / 1000} s) and stops. A second signal ends it at once.
Refuses to start on any problem that check would report.

Exit code: 0 stopped as asked, 1 could not start, or no worker can serve any more,
2 wrong usage.
`,
  async run(words) {
    const values = readWords(words, ["config", "workers"]);
    const file = required(values, "config");
    const workers = workerCount(values.workers);
    const config = await readConfigOrComplain(file);
    if (config === undefined) return exitCodes.failed;
    // Before the start: the first process of a container has no default way to end at a signal.
    const stopped = stopSignal();
    try {
      if (workers === 1) return await serveAlone(file, config, stopped);
      const { serveWithWorkers } = await import("./serve-fleet.ts");
      return await serveWithWorkers(config, workers, reloadFrom(file, config), stopped);
    } catch (fault) {
      process.stderr.write(`certgate serve: ${redactText(describeFault(fault))}\n`);
      return exitCodes.failed;
    }
  },
};

async function serveAlone(file: string, config: Config, stopped: Promise<NodeJS.Signals>): Promise<number> {
  // Not by the leader of several workers, which forwards nothing itself.
  const { startCertgate } = await import("../compose.ts");
  const starting = startCertgate(config, { clock: systemClock, reload: reloadFrom(file, config) });
  const certgate = await Promise.race([starting, stopped]);
  // Nothing is under way yet, and a source that hangs must not hold up the end.
  if (typeof certgate === "string") process.exit(exitCodes.ok);
  process.on("SIGHUP", () => void certgate.reload());
  await stopped;
  await certgate.stop(drainMs);
  return exitCodes.ok;
}
