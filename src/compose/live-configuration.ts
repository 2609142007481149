import type { Config } from "../config/schema.ts";
import type { ReadinessItem } from "../admin/readiness.ts";
import type { CallerFacts } from "../gateway/caller.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";
import { assemble, type Assembly, type AssemblyNeeds } from "./assembly.ts";

/** The configuration that an exchange began with: it is there until the exchange has ended. */
export interface Lease {
  readonly gateway: Gateway;
  /** Called once. */
  leave(): void;
}

interface InUse {
  readonly assembly: Assembly;
  /** Epoch ms. */
  readonly since: number;
  leases: number;
}

/**
 * The configuration in force, and those that exchanges under way still rest on. A new one is made ready beside it and
 * takes its place in one step; when anything is wrong with it, nothing has changed.
 */
export class LiveConfiguration {
  readonly callers: CallerFacts;
  readonly #needs: AssemblyNeeds;
  readonly #clock: Clock;
  readonly #retiring = new Set<InUse>();
  #current: InUse;
  /** Keeps `generation` growing over all assemblies: each counts for itself. */
  #generations = 0;
  #refused: { readonly at: number; readonly reason: string } | undefined;
  #closed = false;

  private constructor(first: Assembly, needs: AssemblyNeeds) {
    this.#needs = needs;
    this.#clock = needs.clock;
    this.#current = { assembly: first, since: needs.clock.now(), leases: 0 };
    const facts = (): CallerFacts => this.#current.assembly.callers;
    this.callers = {
      clock: needs.clock,
      get verifier() {
        return facts().verifier;
      },
      clients: () => facts().clients(),
      generation: () => this.#generations + facts().generation(),
      fetchMissing: (missing) => facts().fetchMissing(missing),
    };
  }

  /** @throws GatewayError when a file that the configuration names cannot be read */
  static async begin(config: Config, needs: AssemblyNeeds): Promise<LiveConfiguration> {
    return new LiveConfiguration(await assemble(config, needs), needs);
  }

  get current(): Assembly {
    return this.#current.assembly;
  }

  enter(): Lease {
    const entered = this.#current;
    entered.leases += 1;
    return {
      gateway: entered.assembly.gateway,
      leave: () => {
        entered.leases -= 1;
        if (entered.leases === 0 && this.#retiring.delete(entered)) void this.#end(entered);
      },
    };
  }

  /**
   * Puts another configuration in force, once all of it is ready.
   * @returns false when it says what is in force already; its sources are looked at all the same
   * @throws GatewayError with a sentence for the operator; then the old one is still in force
   */
  async replace(config: Config): Promise<boolean> {
    refuseWhatIsFixed(this.current.config, config);
    const next = await assemble(config, this.#needs);
    try {
      await next.start();
      await Promise.all([next.settle(), next.refresh()]);
      next.tlsMaterial();
      refuseWhatDoesNotWork(this.current.states(), next.states());
      if (this.#closed) throw new GatewayError("shutting_down", "the gateway is stopping");
    } catch (fault) {
      await next.close();
      throw fault;
    }
    this.#refused = undefined;
    if (next.version === this.current.version) {
      await next.close();
      return false;
    }
    const old = this.#current;
    // Greater than every generation before, so that no pinned verdict of the old one counts.
    this.#generations += old.assembly.callers.generation() + 1;
    this.#current = { assembly: next, since: this.#clock.now(), leases: 0 };
    if (old.leases === 0) void this.#end(old);
    else this.#retiring.add(old);
    return true;
  }

  /**
   * A reload that came to nothing: told in readiness until one succeeds.
   * @param reason without secrets
   */
  noteRefusal(reason: string): void {
    this.#refused = { at: this.#clock.now(), reason };
  }

  readiness(): ReadinessItem {
    const { assembly, since } = this.#current;
    const inForce = `version ${assembly.version} in force since ${new Date(since).toISOString()}`;
    const refused = this.#refused;
    return {
      name: "configuration",
      // The old one serves on, so the replica must not be taken out.
      ok: true,
      detail:
        refused === undefined
          ? inForce
          : `${inForce}; the reload at ${new Date(refused.at).toISOString()} was refused: ${refused.reason}`,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [this.#current, ...this.#retiring];
    this.#retiring.clear();
    await Promise.all(all.map((one) => one.assembly.close()));
  }

  async #end({ assembly }: InUse): Promise<void> {
    try {
      await assembly.close();
    } catch (fault) {
      this.#needs.log.error({ reason: describeFault(fault) }, "a former configuration did not end cleanly");
    }
  }
}

/** What the process is bound to from its start. */
function refuseWhatIsFixed(before: Config, after: Config): void {
  const fixed = [
    ["listen.host", before.listen.host, after.listen.host],
    ["listen.port", before.listen.port, after.listen.port],
    ["listen.reusePort", before.listen.reusePort, after.listen.reusePort],
    ["admin.host", before.admin.host, after.admin.host],
    ["admin.port", before.admin.port, after.admin.port],
    // The door that it opens would stay open.
    ["admin.tokenFile", before.admin.tokenFile, after.admin.tokenFile],
  ];
  const changed = fixed.filter(([, old, next]) => old !== next);
  if (changed.length > 0)
    throw new GatewayError(
      "internal_error",
      `${changed.map(([path]) => path).join(", ")} cannot change while the gateway runs: restart it`,
    );
}

/** What works now must go on working: a source that never answered is no reason to give up one that did. */
function refuseWhatDoesNotWork(before: readonly RefreshingState[], after: readonly RefreshingState[]): void {
  const works = ({ freshness }: RefreshingState): boolean => freshness === "fresh" || freshness === "stale";
  const failedBefore = new Set(before.filter((state) => !works(state)).map(({ name }) => name));
  const failing = after.filter((state) => !works(state) && !failedBefore.has(state.name));
  if (failing.length > 0)
    throw new GatewayError(
      "internal_error",
      failing
        .map(({ name, lastError }) =>
          lastError === undefined ? name : `${name}: ${describeFault(lastError)}`,
        )
        .join("; "),
    );
}
