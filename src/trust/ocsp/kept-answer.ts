import { describeFault, GatewayError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/logger.ts";
import { type Fetched, Refreshing } from "../../kernel/refreshing.ts";
import type { Certificate } from "../../pki/certificate.ts";
import { formatInstant } from "../../pki/der-time.ts";
import type { OcspAnswer } from "../../pki/ocsp-check.ts";
import { subjectOf } from "../../pki/path-failure.ts";
import type { RevocationStatus } from "../../pki/revocation.ts";
import { askResponder, type AskingOptions } from "./ask-responder.ts";
import type { Slots } from "./slots.ts";

export interface KeepingAnswersOptions extends AskingOptions {
  readonly logger: Logger;
  readonly slots: Slots;
  /** Whether no verdict that still counts can rest on an earlier answer about this certificate. */
  readonly unseen: boolean;
  /** Called when an answer changed in a way that decisions made before may be wrong. */
  readonly onChange: () => void;
  /** Called when nobody has asked for a while: the answer is not kept up any more. */
  readonly onIdle: () => void;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/**
 * Milliseconds without a question after which an answer is not renewed any more. Answers are handed out for half of it
 * at most: whoever still rests on one, such as a running stream, asks again within that time.
 */
export const idleMs = 10 * 60_000;
/** A responder that does not know a certificate yet may know it soon. */
const unknownAgainMs = 60_000;

/** What is known of one certificate by OCSP: the last verified answer, kept fresh while it is asked for. */
export class KeptAnswer {
  readonly #kept: Refreshing<OcspAnswer>;
  readonly #certificate: Certificate;
  readonly #options: KeepingAnswersOptions;
  /** The newest verified answer, also where its time is over. */
  #held: OcspAnswer | undefined;
  /** Monotonic ms. */
  #askedAt: number;
  #failing = false;
  /** A decision may have been made without this source, or with another answer of it. */
  #passedOver: boolean;

  constructor(certificate: Certificate, issuer: Certificate, options: KeepingAnswersOptions) {
    const { clock, maxAgeMs, timeoutMs, random } = options;
    this.#certificate = certificate;
    this.#options = options;
    this.#askedAt = clock.monotonic();
    this.#passedOver = !options.unseen;
    this.#kept = new Refreshing<OcspAnswer>({
      name: `ocsp: ${subjectOf(certificate)}`,
      clock,
      timeoutMs,
      intervalMs: maxAgeMs,
      maxCooldownMs: 60_000,
      ...(random === undefined ? {} : { random }),
      fetch: (signal) => this.#fetch(certificate, issuer, signal),
      onValue: (answer) => this.#take(answer),
      onError: (error) => this.#fail(error),
    });
  }

  get isRevoked(): boolean {
    return this.#held?.status === "revoked";
  }

  /** Resolves when there is an answer, or when there is none for now. Fails fast for a while after a failure. */
  async fetch(): Promise<void> {
    this.#askedAt = this.#options.clock.monotonic();
    // Why it failed is in the state, and was logged.
    await this.#kept.get().catch(() => {});
  }

  /** @param at epoch ms */
  status(at: number): RevocationStatus {
    this.#askedAt = this.#options.clock.monotonic();
    const answer = this.#kept.usable();
    if (answer === undefined || (answer.status !== "revoked" && at >= answer.validUntil)) {
      const { lastError } = this.#kept.state();
      return lastError === undefined
        ? { status: "unknown", problems: ["its OCSP responder was not asked yet"], worthFetching: true }
        : { status: "unknown", problems: [sentenceOf(lastError)] };
    }
    // Timers do not fire while a machine sleeps: this starts a renewal that is overdue, and does not wait for it.
    void this.#kept.get().catch(() => {});
    if (answer.status === "unknown")
      return { status: "unknown", problems: ["its OCSP responder does not know the certificate"] };
    if (answer.status === "revoked")
      return {
        status: "revoked",
        detail: `${subjectOf(this.#certificate)} was revoked at ${formatInstant(answer.revokedAt)} (${answer.reason}), says its OCSP responder`,
      };
    return {
      status: "good",
      detail: `not revoked, says its OCSP responder (answer of ${formatInstant(answer.thisUpdate)})`,
      validUntil: Math.min(answer.validUntil, at + idleMs / 2),
    };
  }

  stop(): void {
    this.#kept.stop();
  }

  async #fetch(
    certificate: Certificate,
    issuer: Certificate,
    signal: AbortSignal,
  ): Promise<Fetched<OcspAnswer>> {
    const { clock, slots, onIdle } = this.#options;
    const before = this.#held;
    if (clock.monotonic() - this.#askedAt > idleMs) {
      // A revocation stays known without asking; anything else is asked for anew when somebody needs it again.
      if (before?.status === "revoked") return { value: before, refreshAt: clock.now() + idleMs };
      onIdle();
      signal.throwIfAborted();
    }
    const answer = await slots.run(() => askResponder(certificate, issuer, this.#options, signal), signal);
    // Somebody on the way could play back the answer from before a revocation.
    if (before !== undefined && answer.thisUpdate < before.thisUpdate)
      throw new GatewayError(
        "revocation_unavailable",
        "OCSP: the response is older than one that came before",
      );
    return {
      value: answer,
      refreshAt: clock.now() + this.#renewAfter(answer),
      // A revocation does not end by time: only a newer answer takes it back, as after a hold.
      ...(answer.status === "revoked" ? {} : { expiresAt: answer.validUntil }),
    };
  }

  /** Well before the responder's own end of the answer, and never later than the largest age. */
  #renewAfter({ status, freshUntil }: OcspAnswer): number {
    const { clock, maxAgeMs } = this.#options;
    const left = Math.max(freshUntil - clock.now(), 0) / 2;
    return Math.min(left, maxAgeMs, status === "unknown" ? unknownAgainMs : Number.POSITIVE_INFINITY);
  }

  #take(answer: OcspAnswer): void {
    const before = this.#held?.status;
    this.#held = answer;
    const fields = { ...this.#fields(), status: answer.status };
    if (this.#failing) this.#options.logger.info(fields, "OCSP answers again");
    this.#failing = false;
    if (answer.status === before) return;
    const contradicts = answer.status !== "good" || before === "revoked";
    this.#options.logger[contradicts ? "warn" : "debug"]({ ...fields, before }, "OCSP status");
    // Every listener judges every connection again: not for a stranger's first appearance.
    if (contradicts && this.#passedOver) this.#options.onChange();
    this.#passedOver = true;
  }

  #fail(error: unknown): void {
    const { logger } = this.#options;
    const first = !this.#failing;
    this.#failing = true;
    this.#passedOver = true;
    // Once for each outage: the tries after it are many.
    logger[first ? "warn" : "debug"](
      { ...this.#fields(), reason: describeFault(error) },
      this.#kept.usable() === undefined
        ? "OCSP gives no usable answer"
        : "OCSP gives no usable answer; the last one still counts",
    );
  }

  #fields(): { readonly subject: string; readonly serial: string } {
    return { subject: subjectOf(this.#certificate), serial: this.#certificate.serialHex.slice(0, 64) };
  }
}

/** What a caller may be told: where responders are and how they fail to connect is for the log alone. */
const sentenceOf = (error: unknown): string =>
  error instanceof GatewayError ? error.message : "its OCSP responder did not answer in time";
