import { Agent } from "node:https";
import { type Fault, faults } from "../src/dev/azure/faults.ts";
import { ask } from "../test/support/ask.ts";
import { chatOf, startTwoBackends, type TwoBackends } from "../test/support/two-backends.ts";
import { type Measurement, rounded } from "./measurement.ts";

/** Under way at once. */
const concurrency = 50;

/** How the first of two backends fails, from a tenth of the run to its end. */
const failures: Readonly<Record<string, Fault>> = {
  "answers 500": faults.serverError(),
  "answers 429 with Retry-After": faults.throttled(1),
  "answers 429 without": { kind: "answer", status: 429 },
  "resets connections": { kind: "reset" },
  "accepts and never answers": { kind: "hang" },
};

/**
 * A deployment on two backends of one group, with the breaker's and the retries' defaults, while one of the two fails:
 * how many requests are lost, and what the others wait. Gateway, backends and clients share one process, so only the
 * comparison with the row above it, measured right before, means something.
 */
export async function benchFailover(quick: boolean): Promise<Measurement[]> {
  const requests = quick ? 200 : 10_000;
  const cases = Object.entries(failures);
  // Each has a deployment of its own, of which nothing is known yet.
  const names = cases.map((_, at) => `gpt-${at}`);
  const world = await startTwoBackends(names, (config) => {
    const backends = config["backends"] as Record<string, { breaker?: object }>;
    for (const backend of Object.values(backends)) delete backend.breaker;
    config["deployments"] = Object.fromEntries(
      names.map((name) => [name, { backends: Object.keys(backends).map((backend) => ({ backend })) }]),
    );
    config["timeouts"] = { firstByteSeconds: 5 };
    config["log"] = { level: "error" };
  });
  const measurements: Measurement[] = [];
  try {
    await run(world, names[0] as string, Math.min(requests, 2000), undefined);
    for (const [at, [how, fault]] of cases.entries()) {
      const healthy = await run(world, `gpt-${at}`, requests, undefined);
      const failing = await run(world, `gpt-${at}`, requests, fault);
      measurements.push(
        { what: `${requests} requests, both backends well`, values: shown(healthy) },
        {
          what: `${requests} requests, one ${how}`,
          values: { ...shown(failing), "p99 of healthy": rounded(failing.p99 / healthy.p99) },
        },
      );
      if (failing.lost > 0) process.exitCode = 1;
    }
  } finally {
    await world.stop();
  }
  return measurements;
}

interface Run {
  readonly lost: number;
  readonly attempts: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

const shown = ({ lost, attempts, seconds, p50, p99, longest }: Run): Measurement["values"] => ({
  lost,
  attempts,
  seconds: rounded(seconds),
  "p50 ms": rounded(p50),
  "p99 ms": rounded(p99),
  "longest ms": rounded(longest),
});

async function run(
  world: TwoBackends,
  deployment: string,
  requests: number,
  fault: Fault | undefined,
): Promise<Run> {
  const { certgate, pki, first, second } = world;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const asker = { port: certgate.port, ca: pki.root.pem, client: pki.client, agent };
  const waits: number[] = [];
  let lost = 0;
  let begun = 0;
  for (const backend of [first, second]) backend.requests.clear();
  const startedAt = performance.now();
  const client = async () => {
    while (begun < requests) {
      begun += 1;
      if (fault !== undefined && begun === Math.ceil(requests / 10)) first.faults.always(fault);
      const sentAt = performance.now();
      const answer = await ask(asker, chatOf(deployment)).catch(() => undefined);
      waits.push(performance.now() - sentAt);
      if (answer?.status !== 200) lost += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  first.faults.clear();
  agent.destroy();
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0;
  const attempts = first.requests.count + second.requests.count;
  return { lost, attempts, seconds, p50: at(0.5), p99: at(0.99), longest: at(1) };
}
