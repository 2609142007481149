import { createHash } from "node:crypto";
import { GatewayError } from "../kernel/errors.ts";
import type { SharedFetches } from "../supervisor/shared-fetches.ts";
import type { CrlSource } from "../trust/ports.ts";
import type { Origins } from "./origins.ts";
import type { CrlsAnswer, OriginQuestion } from "./worker-origins.ts";

/** Each keeps its last CRLs, so that an unchanged one is not downloaded again; certificates steer how many there are. */
const mostCrlSources = 200;

/** Answers the workers' questions: one call to a service, whoever asks and however many. */
export class SharedOrigins {
  readonly #origins: Origins;
  readonly #fetches: SharedFetches;
  readonly #onNews: () => void;
  readonly #crlSources = new Map<string, CrlSource>();
  readonly #versions = new WeakMap<readonly Uint8Array[], string>();

  /** @param onNews called when something was fetched that every worker has a use for */
  constructor(origins: Origins, fetches: SharedFetches, onNews: () => void) {
    this.#origins = origins;
    this.#fetches = fetches;
    this.#onNews = onNews;
  }

  /** @throws GatewayError, the service's or one about the question */
  async answer(question: OriginQuestion): Promise<unknown> {
    switch (question.kind) {
      case "token": {
        const { credential, scopes, renew } = question;
        const key = `token ${credential} ${JSON.stringify(scopes)}${renew ? " renewed" : ""}`;
        return this.#fetches.get(key, (abortSignal) =>
          this.#origins.tokens(credential).getToken(typeof scopes === "string" ? scopes : [...scopes], {
            abortSignal,
            renew,
          }),
        );
      }
      case "certificate":
      case "secret": {
        const { kind, vault, name } = question;
        const fetch = (signal: AbortSignal): Promise<unknown> =>
          this.#origins.vault(vault)[kind](name, signal);
        return this.#fetches.get(`${kind} ${vault} ${name}`, fetch, this.#onNews);
      }
      case "crls":
      case "distribution point":
        return this.#crls(question.kind, question.url, question.known);
    }
    throw new GatewayError("internal_error", "a worker asks for what this supervisor does not know");
  }

  async #crls(
    kind: "crls" | "distribution point",
    url: string,
    known: string | undefined,
  ): Promise<CrlsAnswer> {
    const key = `${kind} ${url}`;
    const source = this.#crlSource(key, () =>
      kind === "crls" ? this.#origins.crls(url) : this.#origins.distributionPoint(url),
    );
    const crls = await this.#fetches.get(key, (signal) => source.fetch(signal), this.#onNews);
    const version = this.#versionOf(crls);
    return version === known ? { version } : { version, crls };
  }

  #crlSource(key: string, make: () => CrlSource): CrlSource {
    const source = this.#crlSources.get(key) ?? make();
    // The one that was asked for last stands last.
    this.#crlSources.delete(key);
    this.#crlSources.set(key, source);
    const [oldest] = this.#crlSources.keys();
    if (this.#crlSources.size > mostCrlSources && oldest !== undefined) this.#crlSources.delete(oldest);
    return source;
  }

  #versionOf(crls: readonly Uint8Array[]): string {
    let version = this.#versions.get(crls);
    if (version === undefined) {
      const hash = createHash("sha256");
      for (const crl of crls) hash.update(`${crl.length} `).update(crl);
      version = hash.digest("base64url");
      this.#versions.set(crls, version);
    }
    return version;
  }
}
