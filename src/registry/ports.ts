import type { ClientOptions } from "../model/client-options.ts";

/** One state of one registry. Revisions of the same registry only ever grow. */
export interface RegistryVersion {
  readonly id: string;
  readonly revision: number;
}

/** A client as it is stored: texts of JSON, which whoever reads them has to check. */
export interface RegistryRow {
  readonly name: string;
  readonly thumbprints: string;
  readonly rules: string | null;
  /** Everything else of the client. Equal rights have equal texts. */
  readonly grants: string;
}

/** A consistent reading. The rows come from one state, however long they are walked through. */
export interface RegistryReading {
  readonly version: RegistryVersion;
  /** False: only what changed since the version that was asked for. */
  readonly complete: boolean;
  readonly rows: Iterable<RegistryRow>;
  /** Clients that were removed since then; empty for a complete reading. */
  readonly removed: readonly string[];
}

/** The gateway's side of a registry: it only reads. */
export interface RegistryReader {
  /** For logs and readiness. */
  readonly name: string;
  /** Whether there may be something new since the last `read`. @throws GatewayError */
  changed(): Promise<boolean>;
  /**
   * Reads what changed since a version, or everything where that cannot be told. The rows must be walked through to
   * their end, or their iterator closed, before the next call.
   * @throws GatewayError
   */
  read(since?: RegistryVersion): RegistryReading;
  close(): void;
}

/** The operator's side of a registry. All methods throw GatewayError when the registry does not answer. */
export interface RegistryStore {
  find(name: string): ClientOptions | undefined;
  /** In the order of their names. */
  clients(filter: "all" | "with rules"): Iterable<ClientOptions>;
  /** The client that has a thumbprint, lower-case hex. */
  ownerOf(hex: string): string | undefined;
  /** What `run` changes is there as a whole or, when it throws, not at all. */
  change<T>(run: (change: RegistryChange) => T): T;
  close(): void;
}

export interface RegistryChange {
  /** Adds or replaces. @throws GatewayError when another client has one of its thumbprints */
  put(client: ClientOptions): void;
  /** @returns false when there is no such client */
  remove(name: string): boolean;
}
