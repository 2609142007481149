import type { Config } from "../config/schema.ts";
import type { Origins } from "./origins.ts";

/** What a gateway has from its supervisor when it is one of several workers, and what it then leaves to it. */
export interface WorkerSeat {
  /** The port that all workers share. The admin port is the supervisor's. */
  readonly port: number;
  /** The services behind the supervisor, which asks each of them once for all workers. */
  readonly origins: (config: Config) => Origins;
  /**
   * Calls the listener when something was fetched for another worker. To look then too keeps all workers at the same
   * facts, and their next looks together: that is one fetch for all.
   */
  onNews(listener: () => void): void;
}
