import type { ReadinessItem } from "../admin/readiness.ts";
import type { Config } from "../config/schema.ts";
import { formatProblems } from "../config/problem.ts";
import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import type { WorkerProcess } from "../supervisor/worker-process.ts";
import type { ProcessLog } from "../telemetry/logger.ts";
import { fingerprint } from "./kept-parts.ts";
import type { ReloadOutcome, ReloadSource } from "./reload.ts";
import type { SharedOrigins } from "./shared-origins.ts";
import type { FromWorker } from "./worker-origins.ts";

export interface FleetConfigurationOptions {
  readonly clock: Clock;
  readonly log: ProcessLog;
  /** Where it is read again from. Absent: it stays as it is. */
  readonly load: ReloadSource["load"] | undefined;
  readonly origins: (config: Config) => Promise<SharedOrigins>;
  /** Every worker's process that runs now. */
  readonly workers: () => readonly WorkerProcess[];
  /** Hears of what no worker heard of. */
  readonly onRefused: () => void;
}

/** A worker may still ask for what a former configuration named: exchanges under way rest on it. */
const mostOrigins = 4;

/** For what is under way in a worker that cannot follow. */
const graceOfStrayMs = 20_000;

/** The one configuration of all workers: read and checked once, put in force by all or by none. */
export class FleetConfiguration {
  readonly #options: FleetConfigurationOptions;
  readonly #origins = new Map<string, SharedOrigins>();
  #current: Config;
  #refused: { readonly at: number; readonly reason: string } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(first: Config, options: FleetConfigurationOptions) {
    this.#options = options;
    this.#current = first;
  }

  /** @throws GatewayError when a file that the configuration names cannot be read */
  static async begin(first: Config, options: FleetConfigurationOptions): Promise<FleetConfiguration> {
    const made = new FleetConfiguration(first, options);
    await made.#addOrigins(first);
    return made;
  }

  /** What a worker that is started now begins with. */
  get current(): Config {
    return this.#current;
  }

  /** @throws GatewayError, the service's or one about the question */
  async answer({ version, question }: FromWorker): Promise<unknown> {
    const origins = this.#origins.get(version);
    if (origins === undefined)
      throw new GatewayError("internal_error", "this configuration is not in force any more");
    return origins.answer(question);
  }

  /** Reads it again. One at a time; never rejects: what is wrong is the outcome, and then nothing has changed. */
  reload(): Promise<ReloadOutcome> {
    const next = this.#last.then(() => this.#reload());
    this.#last = next;
    return next;
  }

  readiness(): readonly ReadinessItem[] {
    const refused = this.#refused;
    if (refused === undefined) return [];
    const at = new Date(refused.at).toISOString();
    // The one before serves on, so this gateway must not be taken out.
    return [
      {
        name: "configuration",
        ok: true,
        detail: `the reload at ${at} was refused: ${redactText(refused.reason)}`,
      },
    ];
  }

  async #reload(): Promise<ReloadOutcome> {
    const before = this.#current;
    try {
      const outcome = await this.#options.load?.();
      if (outcome === undefined) return this.#refuse("there is no file to read it from");
      if (!outcome.ok) return this.#refuse(formatProblems(outcome.problems));
      const { config } = outcome;
      await this.#addOrigins(config);
      const asked = this.#options.workers();
      const answers = await Promise.all(asked.map((worker) => tell(worker, config)));
      const refusal = answers.find((answer) => answer?.outcome === "refused");
      if (refusal?.outcome === "refused") {
        // All or none: one that had nothing against it goes back.
        await Promise.all(asked.map((worker) => this.#bring(worker, before)));
        return this.#refuse(refusal.reason);
      }
      this.#current = config;
      this.#refused = undefined;
      this.#options.log.setLevel(config.log.level);
      // Whoever was started in the meantime began with the former one.
      for (const worker of this.#options.workers())
        if (!asked.includes(worker)) void this.#bring(worker, config);
      const isNew = answers.some((answer) => answer?.outcome === "applied");
      const version = fingerprint(config);
      this.#options.log.info(
        { version, workers: asked.length },
        isNew ? "another configuration is in force" : "the configuration is unchanged",
      );
      return { outcome: isNew ? "applied" : "unchanged", version };
    } catch (fault) {
      return this.#refuse(describeFault(fault));
    }
  }

  /** What is in force is in force in all: a worker that cannot follow ends, and its successor begins with it. */
  async #bring(worker: WorkerProcess, config: Config): Promise<void> {
    const answer = await tell(worker, config);
    if (answer?.outcome !== "refused") return;
    const { pid } = worker;
    this.#options.log.error({ pid, reason: answer.reason }, "a worker cannot follow; it is started anew");
    worker.stop(graceOfStrayMs);
  }

  #refuse(reason: string): ReloadOutcome {
    const version = fingerprint(this.#current);
    this.#refused = { at: this.#options.clock.now(), reason };
    this.#options.onRefused();
    this.#options.log.error(
      { version, reason },
      "the new configuration is refused; the one before serves on",
    );
    return { outcome: "refused", version, reason };
  }

  async #addOrigins(config: Config): Promise<void> {
    const version = fingerprint(config);
    const origins = this.#origins.get(version) ?? (await this.#options.origins(config));
    // The one that came last stands last.
    this.#origins.delete(version);
    this.#origins.set(version, origins);
    const current = fingerprint(this.#current);
    for (const other of this.#origins.keys()) {
      if (this.#origins.size <= mostOrigins) break;
      if (other !== current) this.#origins.delete(other);
    }
  }
}

/** Undefined for a worker that ended over it: it is started again with whatever is in force then. */
async function tell(worker: WorkerProcess, config: Config): Promise<ReloadOutcome | undefined> {
  try {
    return (await worker.calls.call("reload", config)) as ReloadOutcome;
  } catch {
    return undefined;
  }
}
