import { startCertgate } from "../compose.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { exitCodes, type Command } from "./command.ts";
import { readConfigOrComplain } from "./config-file.ts";
import { readWords, required } from "./read-words.ts";
import { stopSignal } from "./stop-signal.ts";

/** How long exchanges under way may go on after the signal. */
const drainMs = 20_000;

export const serve: Command = {
  name: "serve",
  summary: "runs the gateway",
  help: `certgate serve --config FILE

Runs the gateway until SIGTERM or SIGINT; then it lets the exchanges under way end
(at most ${drainMs / 1000} s) and stops. A second signal ends it at once.
Refuses to start on any problem that check would report.

Exit code: 0 stopped as asked, 1 could not start, 2 wrong usage.
`,
  async run(words) {
    const file = required(readWords(words, ["config"]), "config");
    const config = await readConfigOrComplain(file);
    if (config === undefined) return exitCodes.failed;
    // Before the start: the first process of a container has no default way to end at a signal.
    const stopped = stopSignal();
    try {
      const certgate = await Promise.race([startCertgate(config, { clock: systemClock }), stopped]);
      // Nothing is under way yet, and a source that hangs must not hold up the end.
      if (typeof certgate === "string") process.exit(exitCodes.ok);
      await stopped;
      await certgate.stop(drainMs);
      return exitCodes.ok;
    } catch (fault) {
      process.stderr.write(`certgate serve: ${describeFault(fault)}\n`);
      return exitCodes.failed;
    }
  },
};
