import { BackendFault } from "../forward/backend-fault.ts";
import type { WebSocketFailure, WebSocketSide } from "../forward/web-socket-lane.ts";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import { GatewayError } from "../kernel/errors.ts";
import { deny, type Denied, type Verdict } from "../model/verdict.ts";
import type { SocketRefusal } from "./socket-error-event.ts";
import { SocketFlow, type SocketMessage } from "./socket-flow.ts";

/** What stands between the two sides. */
export interface SocketRules {
  /**
   * May this message of the client go to the backend? Nothing of it does before the answer.
   * @throws GatewayError when it cannot be told
   */
  readonly admit: (message: Buffer) => Promise<Verdict<unknown>>;
  /**
   * Looks at a message of the backend before the client sees it; undefined when there is nothing to wait for.
   * @throws GatewayError when the client must not see it
   */
  readonly learn: (message: Buffer) => Promise<void> | undefined;
  /** The event that tells the client why its connection is about to end. */
  readonly errorEvent: (refusal: SocketRefusal) => Uint8Array;
}

/** Why a WebSocket ended, where its two sides did not just close it. */
export interface SocketEnd {
  readonly denied?: Denied;
  /** A `BackendFault` when the backend broke off. */
  readonly fault?: GatewayError;
}

export interface SocketRelay {
  /** Resolves when both sides are closed; never rejects. */
  readonly ended: Promise<SocketEnd>;
  /** Ends both sides now, the client's with this code and reason. */
  end(code: number, reason: string): void;
}

/** Connects the two sides of a WebSocket until one of them ends. Close codes and reasons pass both ways. */
export function relaySocket(client: WebSocketSide, backend: WebSocketSide, rules: SocketRules): SocketRelay {
  return new Relay(client, backend, rules);
}

/** RFC 6455 7.4.1. */
const closeCode = {
  goingAway: 1001,
  unsupportedData: 1003,
  noneGiven: 1005,
  abnormal: 1006,
  policyViolation: 1008,
  tooLarge: 1009,
  internalError: 1011,
  tryAgainLater: 1013,
} as const;

class Relay implements SocketRelay {
  readonly ended: Promise<SocketEnd>;
  readonly #client: WebSocketSide;
  readonly #backend: WebSocketSide;
  readonly #rules: SocketRules;
  readonly #toBackend: SocketFlow;
  readonly #toClient: SocketFlow;
  readonly #resolve: (end: SocketEnd) => void;
  #end: SocketEnd = {};
  /** Nothing passes any more, in neither direction. */
  #isOver = false;
  #openSides = 2;
  #isClientGone = false;

  constructor(client: WebSocketSide, backend: WebSocketSide, rules: SocketRules) {
    this.#client = client;
    this.#backend = backend;
    this.#rules = rules;
    ({ promise: this.ended, resolve: this.#resolve } = Promise.withResolvers<SocketEnd>());
    this.#toBackend = new SocketFlow(client, backend, (message) => this.#fromClient(message));
    this.#toClient = new SocketFlow(backend, client, (message) => this.#fromBackend(message));
    client.listen({
      message: (data, text) => this.#toBackend.push({ data, text }),
      drained: () => this.#toClient.drained(),
      failed: (failure) => this.#clientFailed(failure),
      closed: (code, reason) => this.#clientClosed(code, reason),
    });
    backend.listen({
      message: (data, text) => this.#toClient.push({ data, text }),
      drained: () => this.#toBackend.drained(),
      failed: (failure) => this.#backendFailed(failure),
      closed: (code, reason) => this.#backendClosed(code, reason),
    });
  }

  end(code: number, reason: string): void {
    if (!this.#stop({})) return;
    this.#client.close(code, reason);
    this.#backend.close(closeCode.goingAway);
  }

  async #fromClient({ data, text }: SocketMessage): Promise<void> {
    if (!text) return this.#refuse(noBinary, closeCode.unsupportedData);
    try {
      const verdict = await this.#rules.admit(data);
      if (this.#isOver) return;
      if (verdict.allowed) this.#backend.send(data);
      else this.#refuse(verdict, closeCode.policyViolation);
    } catch (fault) {
      this.#fail(asGatewayError(fault));
    }
  }

  #fromBackend({ data, text }: SocketMessage): Promise<void> | undefined {
    if (!text) {
      this.#fail(unreachable("the backend sent a binary message"));
      return undefined;
    }
    const learning = this.#rules.learn(data);
    if (learning !== undefined) return this.#sendAfter(learning, data);
    this.#client.send(data);
    return undefined;
  }

  async #sendAfter(learning: Promise<void>, data: Buffer): Promise<void> {
    try {
      await learning;
      if (!this.#isOver) this.#client.send(data);
    } catch (fault) {
      this.#fail(asGatewayError(fault));
    }
  }

  #clientFailed({ kind, fault }: WebSocketFailure): void {
    // The library has told the client already: with 1009, 1007 or 1002.
    if (kind === "too-large") this.#stop({ denied: deny("body_too_large", "A message is too large.") });
    else if (kind === "malformed")
      this.#stop({ denied: deny("request_malformed", `A message does not parse: ${fault.message}.`) });
    else this.#stop({});
    this.#backend.close(closeCode.goingAway);
  }

  #clientClosed(code: number, reason: string): void {
    this.#isClientGone = true;
    if (this.#isOver) this.#backend.terminate();
    else if (code === closeCode.abnormal) {
      this.#stop({});
      this.#backend.close(closeCode.goingAway);
    } else {
      this.#toClient.stop();
      // What was sent before the close goes first.
      this.#toBackend.finish(() => this.#backend.close(...sayable(code, reason)));
    }
    this.#sideClosed();
  }

  #backendFailed({ kind, fault }: WebSocketFailure): void {
    if (kind === "too-large")
      this.#fail(unreachable("the backend's message is too large", fault), closeCode.tooLarge);
    else if (kind === "silent")
      this.#fail(new GatewayError("backend_timeout", "the backend answers no pings", { cause: fault }));
    else this.#fail(brokenOff(fault));
  }

  #backendClosed(code: number, reason: string): void {
    if (!this.#isOver && code === closeCode.abnormal) this.#fail(brokenOff());
    else if (!this.#isOver) {
      this.#toBackend.stop();
      this.#toClient.finish(() => this.#client.close(...sayable(code, reason)));
    }
    this.#sideClosed();
  }

  #refuse(denied: Denied, code: number): void {
    if (this.#stop({ denied })) this.#goodbye(denied, code, denied.code);
  }

  #fail(fault: GatewayError, code: number = codeFor(fault.code)): void {
    // After the client has closed, whatever the backend does is no fault.
    if (this.#stop(this.#isClientGone ? {} : { fault })) this.#goodbye(fault, code, fault.code);
  }

  #goodbye(refusal: Denied | GatewayError, code: number, reason: string): void {
    this.#client.send(
      this.#rules.errorEvent(refusal instanceof GatewayError ? { code: refusal.code } : refusal),
    );
    this.#client.close(code, reason);
    this.#backend.close(closeCode.goingAway);
  }

  /** @returns false when it was over before: the first reason counts */
  #stop(end: SocketEnd): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#end = end;
    this.#toBackend.stop();
    this.#toClient.stop();
    return true;
  }

  #sideClosed(): void {
    this.#openSides -= 1;
    if (this.#openSides === 0) this.#resolve(this.#end);
  }
}

const noBinary = deny("request_malformed", "The API takes text messages only; this one is binary.");

const codeFor = (code: ErrorCode): number =>
  code.endsWith("_unavailable") ? closeCode.tryAgainLater : closeCode.internalError;

/** A close without a code is passed on without one: 1005 itself must not be sent (RFC 6455 7.4.1). */
const sayable = (code: number, reason: string): [number?, string?] =>
  code === closeCode.noneGiven ? [] : [code, reason];

const unreachable = (why: string, cause?: Error): GatewayError =>
  new GatewayError("backend_unreachable", why, { cause });

/** Unlike the others no matter of what was said: it tells of the backend's health. */
const brokenOff = (cause?: Error): BackendFault =>
  new BackendFault("backend_unreachable", "the backend broke off", { sent: true, cause });

const asGatewayError = (fault: unknown): GatewayError =>
  fault instanceof GatewayError
    ? fault
    : new GatewayError("internal_error", "a message could not be judged", { cause: fault });
