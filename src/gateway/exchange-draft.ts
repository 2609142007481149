import type { Exchange } from "../model/exchange.ts";

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
