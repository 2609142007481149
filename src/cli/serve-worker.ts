import { createWorker } from "../compose/worker.ts";
import { systemClock } from "../kernel/clock.ts";
import { processPort } from "../supervisor/process-port.ts";
import { drainMs } from "./drain-time.ts";

/** The program of one worker: `certgate serve --workers` forks it, and nobody else starts it. */
const worker = createWorker(processPort(process), { clock: systemClock, graceMs: drainMs });
// Ctrl-C reaches the whole group of processes. The supervisor tells its workers what it means.
process.on("SIGINT", () => {});
// That of a terminal that closes, too: as a signal to the supervisor it means a reload.
process.on("SIGHUP", () => {});
process.once("SIGTERM", () => worker.leave(drainMs));
process.on("uncaughtExceptionMonitor", (fault) => worker.crash(fault));
process.exit(await worker.ended);
