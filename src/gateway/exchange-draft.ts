import type { Exchange } from "../model/exchange.ts";
import type { Circumstances } from "../policy/decide.ts";

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
    | "reason"
    | "detail"
  >
>;
