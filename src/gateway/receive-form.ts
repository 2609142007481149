import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { ByteLoan } from "../kernel/byte-budget.ts";
import { BodyBrokenOff, type StreamedBody } from "../model/outbound-request.ts";
import type { Target } from "../model/target.ts";
import { allow, type Allowed, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { type MultipartReader, startMultipart } from "../target/multipart/start-multipart.ts";
import type { RequestHead } from "../target/parse-head.ts";
import { HeldBytes } from "./held-bytes.ts";
import { CallerLeft, noRoom, tooLarge } from "./read-body.ts";

export interface FormLimits {
  /** Bytes that are held until the form has said what it names. */
  readonly heldBytes: number;
  /** Bytes of a whole form. */
  readonly bodyBytes: number;
  /** How long a client that is asked for more may send nothing; default a minute. */
  readonly stallMs?: number;
}

/** A form whose target is known. */
export interface ReceivedForm {
  readonly target: Target;
  /** Whole where it was held to its end anyway, and found good; else the client is made to wait until it is read on. */
  readonly body: Uint8Array | StreamedBody;
}

/** A form that says that it is no longer than this is held whole: it costs little, and can be sent twice. */
const smallForm = 1024 * 1024;

/** What may stand behind a boundary's text in the last delimiter and the line ends around it. */
const aroundBoundary = 10;

/**
 * Reads a form until its target is known. From then on it streams: what is read is held against the form's rules first,
 * and the end of it is given on only when all of it was good.
 * @param memory of which every byte is taken that is held until then; given back when the answer is over
 * @throws CallerLeft when the connection ends before the target is known
 */
export function receiveForm(
  head: RequestHead,
  request: IncomingMessage,
  response: ServerResponse,
  limits: FormLimits,
  memory: ByteLoan,
): Promise<Verdict<ReceivedForm>> {
  const declared = request.headers["content-length"];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined && length > limits.bodyBytes) return Promise.resolve(tooLarge(limits.bodyBytes));
  response.once("close", () => memory.giveBack());
  // Only now may a client that asked first send its body.
  if (request.headers.expect !== undefined) response.writeContinue();
  return new FormReceiver(head, request, length, limits, memory).received;
}

const stalled = deny("request_malformed", "The form stopped arriving.");

class FormReceiver {
  readonly received: Promise<Verdict<ReceivedForm>>;
  readonly #settle: (verdict: Verdict<ReceivedForm>) => void;
  readonly #fail: (fault: CallerLeft) => void;
  readonly #request: IncomingMessage;
  readonly #reader: MultipartReader;
  readonly #memory: ByteLoan;
  readonly #limit: number;
  readonly #length: number | undefined;
  /** A receiver that does not wait for the end of the body takes the last delimiter for the end. */
  readonly #keptBack: number;
  /** Until the target is known. */
  readonly #held = new HeldBytes();
  /** From then on: checked, and not given on yet. */
  #chunks: Uint8Array[] = [];
  #kept = 0;
  #total = 0;
  #target: Allowed<Target> | undefined;
  /** How many bytes were there when the target was known: they hold all that it names. */
  #settledAt = 0;
  #rest: Readable | undefined;
  #over = false;
  readonly #stallMs: number;
  #stall: NodeJS.Timeout | undefined;

  constructor(
    head: RequestHead,
    request: IncomingMessage,
    length: number | undefined,
    { heldBytes, bodyBytes, stallMs = 60_000 }: FormLimits,
    memory: ByteLoan,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<Verdict<ReceivedForm>>();
    this.received = promise;
    this.#settle = resolve;
    this.#fail = reject;
    this.#request = request;
    this.#length = length;
    this.#memory = memory;
    this.#limit = bodyBytes;
    this.#stallMs = stallMs;
    this.#reader = startMultipart(head, { heldBytes });
    this.#keptBack = (head.boundary?.length ?? 0) + aroundBoundary;
    request.on("data", (chunk: Uint8Array) => this.#data(chunk));
    request.once("end", () => this.#end());
    request.once("error", () => this.#left());
    request.once("close", () => this.#left());
    this.#listen();
  }

  #data(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#listen();
    this.#total += chunk.length;
    if (this.#total > this.#limit) return this.#refuse(tooLarge(this.#limit));
    // What streams goes as it comes: no more than a few pieces of it are ever here.
    const refusal = this.#rest === undefined ? noRoom(this.#memory.take(chunk.length)) : undefined;
    if (refusal !== undefined) return this.#refuse(refusal);
    const verdict = this.#reader.push(chunk);
    if (verdict !== "more") {
      if (!verdict.allowed) return this.#refuse(verdict);
      this.#target = verdict;
      this.#settledAt = this.#total;
    }
    if (this.#rest !== undefined) return this.#giveOn(this.#rest, chunk);
    this.#held.push(chunk);
    if (this.#target === undefined || (this.#length ?? Infinity) <= smallForm) return;
    // What names the target is given on whole, never cut in the middle: it may have to be rewritten.
    if (this.#total - this.#keptBack >= this.#settledAt) this.#stream(this.#target);
  }

  #end(): void {
    if (this.#over) return;
    const last = this.#reader.end();
    if (!last.allowed) return this.#refuse(last);
    this.#finish();
    if (this.#rest === undefined) {
      const { value, trace } = this.#target ?? last;
      return this.#settle(allow({ target: value, body: this.#held.take() }, trace));
    }
    for (const chunk of this.#chunks.splice(0)) this.#rest.push(chunk);
    this.#rest.push(null);
  }

  /** The client waits from here on, until what it sent is asked for. */
  #stream({ value, trace }: Allowed<Target>): void {
    this.#wait();
    const rest = new Readable({
      read: () => {
        if (this.#over || !this.#request.isPaused()) return;
        this.#request.resume();
        this.#listen();
      },
      destroy: (fault, done) => {
        this.#finish();
        this.#chunks = [];
        this.#wait();
        done(fault);
      },
    });
    // It can break off while nobody listens yet; who consumes it hears of it all the same.
    rest.on("error", () => {});
    this.#rest = rest;
    const all = this.#held.take();
    const cut = Math.max(0, all.length - this.#keptBack);
    this.#chunks = [all.subarray(cut)];
    this.#kept = all.length - cut;
    this.#settle(
      allow({ target: value, body: { length: this.#length, held: all.subarray(0, cut), rest } }, trace),
    );
  }

  #giveOn(rest: Readable, chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    let hasRoom = true;
    for (;;) {
      const [first] = this.#chunks;
      if (first === undefined || this.#kept - first.length < this.#keptBack) break;
      this.#chunks.shift();
      this.#kept -= first.length;
      hasRoom = rest.push(first);
    }
    if (!hasRoom) this.#wait();
  }

  #refuse(denied: Denied): void {
    this.#finish();
    this.#wait();
    this.#held.drop();
    this.#memory.giveBack();
    if (this.#rest === undefined) this.#settle(denied);
    else this.#rest.destroy(new BodyBrokenOff(denied));
  }

  #left(): void {
    if (this.#over) return;
    this.#finish();
    if (this.#rest === undefined) this.#fail(new CallerLeft());
    else this.#rest.destroy(new BodyBrokenOff());
  }

  /** The client is asked for more, and must not hold everything up by sending none. */
  #listen(): void {
    // One timer for all pieces.
    if (this.#stall === undefined) this.#stall = setTimeout(() => this.#refuse(stalled), this.#stallMs);
    else this.#stall.refresh();
  }

  #wait(): void {
    this.#stopStall();
    this.#request.pause();
  }

  #finish(): void {
    this.#stopStall();
    this.#over = true;
  }

  #stopStall(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }
}
