import type { Exchange } from "../model/exchange.ts";
import type { Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "../policy/client-map.ts";
import type { Circumstances } from "../policy/decide.ts";

/**
 * Hears what was granted to whom: an exchange may run for hours, and a grant must not outlive what it rests on.
 * @param again decides the same for what the entry has become
 */
export type Regrant = (entry: ClientEntry, again: (entry: ClientEntry) => Verdict<unknown>) => void;

/** When and from where the request came: the instant of its arrival counts, however long its body takes. */
export const circumstancesOf = ({ startedAt, remoteAddress }: ExchangeDraft): Circumstances => ({
  at: startedAt,
  remoteAddress,
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The record of an exchange while it is being written: each stage adds what it learnt. */
export type ExchangeDraft = Mutable<
  Pick<
    Exchange,
    | "requestId"
    | "startedAt"
    | "method"
    | "remoteAddress"
    | "path"
    | "client"
    | "thumbprint"
    | "operation"
    | "deployment"
    | "backend"
    | "attempts"
    | "usage"
    | "reason"
    | "detail"
  >
> & {
  /** Monotonic ms of the request's arrival: how long things took must not depend on a clock that is set. */
  readonly begunAt: number;
};
