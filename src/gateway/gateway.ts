import type { BackendPool, PoolMember } from "../backend/pool.ts";
import type { OutboundCredential } from "../credential/outbound-credential.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import type { PassThrough } from "../forward/pass-through.ts";
import type { WebSocketLane } from "../forward/web-socket-lane.ts";
import type { ByteBudget } from "../kernel/byte-budget.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Backend } from "../model/backend.ts";
import type { Metrics } from "../model/metrics.ts";
import type { Surface } from "../target/surface.ts";
import type { Ownership } from "./ownership.ts";
import type { FormLimits } from "./receive-form.ts";

/** A backend with everything that a request to it needs. */
export interface ReadyBackend extends Backend {
  readonly forwarder: Forwarder;
  readonly webSockets: WebSocketLane;
  readonly outbound: OutboundCredential;
}

/** One place where a deployment lives. */
export interface Place {
  readonly member: PoolMember;
  readonly backend: ReadyBackend;
}

/** Where a deployment lives; or one backend, for what names no deployment. */
export interface ReadyPool {
  readonly pool: BackendPool;
  /** In the order in which they are preferred. */
  readonly places: readonly Place[];
}

/** A pass-through route with everything that a request on it needs. */
export interface ReadyRoute {
  readonly name: string;
  /** `/erp/`: taken off before forwarding. */
  readonly prefix: string;
  readonly backend: Backend;
  readonly passThrough: PassThrough;
  readonly outbound: OutboundCredential;
}

/** What the story needs from the rooms; `compose.ts` wires it. */
export interface Gateway {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Every operation that is understood: the table, and the operator's own rows. */
  readonly surface: Surface;
  /** Undefined only for a deployment that no configuration names. */
  readonly poolOf: (deployment: string) => ReadyPool | undefined;
  /** By name, the backends where stored objects can lie: those of deployments, and the one below. */
  readonly objectPools: ReadonlyMap<string, ReadyPool>;
  /** Where objects are made that name no deployment, when the client's deployments do not tell. */
  readonly backendOfNewObjects: string | undefined;
  readonly ownership: Ownership;
  /** The route whose prefix a raw request target starts with. */
  readonly routeOf: (url: string) => ReadyRoute | undefined;
  /** Bytes. */
  readonly jsonBodyLimit: number;
  readonly formLimits: FormLimits;
  /** Of the whole process: what is held of bodies, by client. */
  readonly bodies: ByteBudget;
  /** Milliseconds in which a body that is waited for must bring something. */
  readonly bodyStallMs: number;
  /** Milliseconds to the head of an answer that needs no thinking. */
  readonly quickFirstByteTimeoutMs: number;
  /** Milliseconds from a request's arrival to the end of its answer. */
  readonly totalTimeoutMs: number;
}
