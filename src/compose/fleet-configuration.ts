import type { ReadinessItem } from "../admin/readiness.ts";
import type { Config } from "../config/schema.ts";
import { formatProblems } from "../config/problem.ts";
import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import type { WorkerProcess } from "../supervisor/worker-process.ts";
import type { ProcessLog } from "../telemetry/logger.ts";
import { contentOfFiles } from "./content-of-files.ts";
import { fingerprint } from "./kept-parts.ts";
import type { OriginsConfig } from "./origins.ts";
import type { ReloadOutcome, ReloadSource } from "./reload.ts";
import type { SharedOrigins } from "./shared-origins.ts";
import type { FromWorker } from "./worker-origins.ts";

export interface FleetConfigurationOptions {
  readonly clock: Clock;
  readonly log: ProcessLog;
  /** Where it is read again from. Absent: it stays as it is. */
  readonly load: ReloadSource["load"] | undefined;
  readonly origins: (config: OriginsConfig) => Promise<SharedOrigins>;
  /** Every worker's process that runs now. */
  readonly workers: () => readonly WorkerProcess[];
  /** Hears of what no worker heard of. */
  readonly onRefused: () => void;
}

interface Held {
  /** Fingerprint of the files that were read with the configuration, such as a private CA. */
  readonly files: string;
  readonly origins: Promise<SharedOrigins>;
}

/** As many are ready at once; another one that a worker still asks by is made again. */
const mostOrigins = 4;

/** Far more than any part of a worker outlives. */
const mostRemembered = 1000;

/** For what is under way in a worker that cannot follow. */
const graceOfStrayMs = 20_000;

/** The one configuration of all workers: read and checked once, put in force by all or by none. */
export class FleetConfiguration {
  readonly #options: FleetConfigurationOptions;
  readonly #origins = new Map<string, Held>();
  /**
   * What was in force once. A worker keeps what the next configuration says in the same words, and goes on asking by
   * the version that it was made for, however long ago that was.
   */
  readonly #remembered = new Map<string, OriginsConfig>();
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
    made.#remember(first);
    return made;
  }

  /** What a worker that is started now begins with. */
  get current(): Config {
    return this.#current;
  }

  /** @throws GatewayError, the service's or one about the question */
  async answer({ version, question }: FromWorker): Promise<unknown> {
    const former = this.#remembered.get(version);
    if (!this.#origins.has(version) && former !== undefined)
      this.#hold(version, { files: "", origins: this.#options.origins(former) });
    const held = this.#origins.get(version);
    if (held === undefined)
      throw new GatewayError("internal_error", "this configuration is not in force any more");
    return (await held.origins).answer(question);
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
        detail: `the reload at ${at} was refused: ${refused.reason}`,
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
      const former = await this.#addOrigins(config);
      const asked = this.#options.workers();
      const answers = await Promise.all(asked.map((worker) => tell(worker, config)));
      const refusal = answers.find((answer) => answer?.outcome === "refused");
      if (refusal?.outcome === "refused") {
        // All or none: one that had nothing against it goes back.
        if (former !== undefined) this.#hold(fingerprint(config), former);
        await Promise.all(asked.map((worker) => this.#bring(worker, before)));
        return this.#refuse(refusal.reason);
      }
      this.#current = config;
      this.#remember(config);
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

  #refuse(why: string): ReloadOutcome {
    // It goes to the admin port as it stands.
    const reason = redactText(why);
    const version = fingerprint(this.#current);
    this.#refused = { at: this.#options.clock.now(), reason };
    this.#options.onRefused();
    this.#options.log.error(
      { version, reason },
      "the new configuration is refused; the one before serves on",
    );
    return { outcome: "refused", version, reason };
  }

  /** @returns what is replaced, because a file was exchanged under its old name */
  async #addOrigins(config: Config): Promise<Held | undefined> {
    const version = fingerprint(config);
    const files = fingerprint(await contentOfFiles(config));
    const former = this.#origins.get(version);
    const held = former?.files === files ? former : { files, origins: this.#options.origins(config) };
    await held.origins;
    this.#hold(version, held);
    return held === former ? undefined : former;
  }

  #hold(version: string, held: Held): void {
    held.origins.catch(() => {
      // Whoever asks hears of it; who asks next has it tried again.
      if (this.#origins.get(version) === held) this.#origins.delete(version);
    });
    // The one that came last stands last.
    this.#origins.delete(version);
    this.#origins.set(version, held);
    const current = fingerprint(this.#current);
    for (const other of this.#origins.keys()) {
      if (this.#origins.size <= mostOrigins) break;
      if (other !== current && other !== version) this.#origins.delete(other);
    }
  }

  #remember(config: Config): void {
    const { credentials, keyVaults, trust } = config;
    const version = fingerprint(config);
    this.#remembered.delete(version);
    this.#remembered.set(version, { credentials, keyVaults, trust });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest);
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
