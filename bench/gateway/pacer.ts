import { writeSync } from "node:fs";

/**
 * The program that tells the open loop when a request is due: it sleeps in the kernel to a fraction of a millisecond, which
 * a timer of Node's cannot, and writes each request's intended time (monotonic nanoseconds, 8 bytes) to standard output.
 */
const perSecond = Number(process.argv[2]);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const interval = 1e9 / perSecond;
const start = Number(process.hrtime.bigint()) + 50e6;
const message = Buffer.alloc(8);

for (let request = 0; ; request += 1) {
  // Evenly spaced, but for a golden-ratio jitter of one interval: no beat with anybody's timers.
  const due = start + (request + ((request * 0.618_033_988_749) % 1)) * interval;
  const wait = (due - Number(process.hrtime.bigint())) / 1e6;
  if (wait > 0.02) Atomics.wait(sleeper, 0, 0, wait);
  message.writeDoubleLE(due);
  writeSync(1, message);
}
