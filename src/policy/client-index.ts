import { GatewayError } from "../kernel/errors.ts";
import type { ClientOptions } from "../model/client-options.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import { readSelector } from "../pki/selector/read-selector.ts";
import { SelectorIndex } from "../pki/selector/selector-index.ts";
import type { SelectorView } from "../pki/selector/selector-view.ts";
import type { ClientEntry, RightsCompiler } from "./client-entry.ts";

/** What clients are recognised by: hashes of the leaf, lower-case hex, and its names. */
export interface CallerIdentity {
  readonly sha256: string;
  readonly sha1: string;
  readonly names: SelectorView;
}

/** One client that a certificate belongs to. */
export interface ClientMatch {
  readonly entry: ClientEntry;
  /** For the trace: `SHA-256 ...`, `a match rule`. */
  readonly by: string;
  /** Epoch ms from which it is not this client any more. */
  readonly until: number;
}

/** Immutable once it is built: a change makes a new one. */
export interface ClientIndex {
  /** Clients that were added. */
  readonly size: number;
  /**
   * Every client that the certificate belongs to, each once. Constant time in the number of clients.
   * @returns undefined where the certificate has too many names for that; whoever asks must deny
   */
  find(identity: CallerIdentity, at: number): readonly ClientMatch[] | undefined;
}

export interface ClientIndexOptions {
  readonly rights: RightsCompiler;
  readonly allowSha1: boolean;
}

interface Ending {
  readonly entry: ClientEntry;
  /** Epoch ms. */
  readonly until: number;
}

type ThumbprintOwner = ClientEntry | Ending | readonly (ClientEntry | Ending)[];

/** Takes clients one by one; a client that cannot be taken leaves no trace behind. */
export class ClientIndexBuilder {
  readonly #options: ClientIndexOptions;
  readonly #thumbprints = {
    sha256: new Map<string, ThumbprintOwner>(),
    sha1: new Map<string, ThumbprintOwner>(),
  };
  readonly #selectors = new SelectorIndex<ClientEntry>();
  #size = 0;

  constructor(options: ClientIndexOptions) {
    this.#options = options;
  }

  /**
   * @param rights where they are known already
   * @returns the names of clients that hold one of the thumbprints too: such a certificate is ambiguous and denied
   * @throws GatewayError `internal_error` for what the configuration check reports before
   */
  add(client: ClientOptions, rights = this.#options.rights.compile(client)): readonly string[] {
    const { name, thumbprints = [], match = [] } = client;
    const entry: ClientEntry = { name, rights };
    const read = thumbprints.map((one) => {
      const reading = readThumbprint(typeof one === "string" ? one : one.thumbprint);
      if (!reading.ok) throw broken(name, `a thumbprint is malformed: ${reading.reason}`);
      if (reading.thumbprint.algorithm === "sha1" && !this.#options.allowSha1)
        throw broken(name, "a SHA-1 thumbprint, and SHA-1 is switched off");
      const until = typeof one === "string" ? undefined : Date.parse(one.until);
      if (Number.isNaN(until)) throw broken(name, "a thumbprint's end is no time");
      return { ...reading.thumbprint, owner: until === undefined ? entry : { entry, until } };
    });
    const selectors = match.map((rule) => {
      const reading = readSelector(rule);
      if (!reading.ok)
        throw broken(
          name,
          `a match rule: ${reading.problems.map(({ path, reason }) => `${path.join(".")} ${reason}`).join("; ")}`,
        );
      return reading.selector;
    });
    const others: string[] = [];
    for (const { algorithm, hex, owner } of read) {
      const index = this.#thumbprints[algorithm];
      const there = index.get(hex);
      if (there === undefined) index.set(hex, owner);
      else {
        const all = "length" in there ? there : [there];
        others.push(
          ...all
            .map(entryOf)
            .filter((other) => other !== entry)
            .map((other) => other.name),
        );
        index.set(hex, [...all, owner]);
      }
    }
    for (const selector of selectors)
      if (!this.#selectors.add(selector, entry))
        throw broken(name, "a match rule: too many different combinations of fields are in use");
    this.#size += 1;
    return others;
  }

  build(): ClientIndex {
    const { sha256, sha1 } = this.#thumbprints;
    const selectors = this.#selectors;
    return {
      size: this.#size,
      find(identity, at) {
        const found = new Map<ClientEntry, ClientMatch>();
        const note = (owner: ClientEntry | Ending, by: string) => {
          const until = "until" in owner ? owner.until : Number.POSITIVE_INFINITY;
          const entry = entryOf(owner);
          if (at >= until) return;
          // The way that lasts longest counts.
          const known = found.get(entry);
          if (known === undefined || known.until < until) found.set(entry, { entry, by, until });
        };
        for (const owner of ownersOf(sha256, identity.sha256)) note(owner, `SHA-256 ${identity.sha256}`);
        for (const owner of ownersOf(sha1, identity.sha1)) note(owner, `SHA-1 ${identity.sha1}`);
        if (!selectors.isEmpty) {
          const matching = selectors.find(identity.names);
          if (matching === undefined) return undefined;
          for (const entry of matching) note(entry, "a match rule");
        }
        return [...found.values()];
      },
    };
  }
}

const entryOf = (owner: ClientEntry | Ending): ClientEntry => ("entry" in owner ? owner.entry : owner);

function ownersOf(
  index: ReadonlyMap<string, ThumbprintOwner>,
  hex: string,
): readonly (ClientEntry | Ending)[] {
  const owner = index.get(hex);
  if (owner === undefined) return none;
  return "length" in owner ? owner : [owner];
}
const none: readonly never[] = [];

const broken = (client: string, what: string) =>
  new GatewayError("internal_error", `client map: client ${client}: ${what}`);

/** The index without the clients of these names. */
export const exceptClients = (index: ClientIndex, names: ReadonlySet<string>): ClientIndex => ({
  size: index.size,
  find: (identity, at) => index.find(identity, at)?.filter(({ entry }) => !names.has(entry.name)),
});
