import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { NamedObject } from "../model/object-kind.ts";
import { responseIdIn } from "../ownership/ids-in-event.ts";
import { claimObjects, type Ownership } from "./ownership.ts";

/** A response that is not kept can be continued on its own connection only; the service remembers few of them. */
const mostRemembered = 1000;

/**
 * The responses that a WebSocket of the Responses API makes. Those that the backend keeps are the client's before it
 * hears of them. Those that it does not keep (`"store": false`) live as long as the connection, so they are
 * remembered here and nowhere else.
 */
export class SocketIds {
  readonly #client: string;
  readonly #backend: string;
  readonly #ownership: Ownership;
  readonly #requestId: string;
  readonly #made = new Set<string>();
  #mayBeKept = false;

  constructor(client: string, backend: string, ownership: Ownership, requestId: string) {
    this.#client = client;
    this.#backend = backend;
    this.#ownership = ownership;
    this.#requestId = requestId;
  }

  /**
   * From now on responses may be kept. Which event answers which message is the service's own business, so all that
   * follow are claimed: an entry too many grants nothing to anybody else.
   */
  expectKept(): void {
    this.#mayBeKept = true;
  }

  has({ kind, id }: NamedObject): boolean {
    return kind === "response" && this.#made.has(id);
  }

  /**
   * Looks at an event of the backend.
   * @returns a promise where the client has to wait for the claim, which rejects with GatewayError
   * `ownership_conflict` when the object is another client's
   */
  learn(event: Buffer): Promise<void> | undefined {
    const id = responseIdIn(event);
    if (id === undefined || this.#made.has(id)) return undefined;
    if (this.#mayBeKept) return this.#claim(id);
    this.#remember(id);
    return undefined;
  }

  async #claim(id: string): Promise<void> {
    try {
      await claimObjects(this.#client, [{ kind: "response", id }], this.#backend, this.#ownership);
    } catch (fault) {
      if (!(fault instanceof GatewayError) || fault.code !== "ownership_unavailable") throw fault;
      // The answer is worth something without its id: after this connection it is nobody's.
      this.#ownership.logger.warn(
        {
          requestId: this.#requestId,
          client: this.#client,
          backend: this.#backend,
          kind: "response",
          why: describeFault(fault),
        },
        "a stored object stays nobody's",
      );
    }
    this.#remember(id);
  }

  #remember(id: string): void {
    this.#made.add(id);
    const [oldest] = this.#made;
    if (this.#made.size > mostRemembered && oldest !== undefined) this.#made.delete(oldest);
  }
}
