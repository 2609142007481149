import { join } from "node:path";
import { boundary, type Grounds } from "./grounds.ts";
import type { LoadRequest, LoadResult } from "./load-plan.ts";
import type { Load } from "./measure.ts";

/** One number of a measurement. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly of: (result: LoadResult) => number;
  /** What the gateway should reach, as a ratio to nginx. */
  readonly reach?: { readonly atLeast: number } | { readonly atMost: number };
  /** The backend's own figure, asked directly, is taken off first. */
  readonly added?: boolean;
  readonly digits: number;
}

/** One load, and what is read from it. */
export interface Row {
  readonly name: string;
  readonly load: Load;
  /** Milliseconds of this load before any of it is measured; absent: as long as for all. */
  readonly warmMs?: number;
  readonly figures: readonly Figure[];
}

const perCpu = (count: (result: LoadResult) => number) => (result: LoadResult) =>
  count(result) / Math.max(result.proxyCpu, 0.01);
const megabyte = 1e6;

export interface Times {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const chat = (folder: string, deployment: string, body = "question.json"): LoadRequest => ({
  method: "POST",
  path: `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`,
  bodyFile: join(folder, body),
});

export const plainLoad = ({ folder }: Grounds, times: Times): Load => ({
  kind: "closed",
  connections: 32,
  request: chat(folder, "gpt"),
  ...times,
});

/** The rows that do not depend on the size of a CRL. */
export function loadRows(grounds: Grounds, times: Times, perSecond: number): Row[] {
  const { folder } = grounds;
  return [
    {
      name: "keep-alive, 2 KB in, 1 KB out, 32 connections",
      load: plainLoad(grounds, times),
      figures: [
        {
          name: "requests per CPU second",
          unit: "",
          of: perCpu(({ answers }) => answers),
          reach: { atLeast: 0.45 },
          digits: 0,
        },
        { name: "requests/s", unit: "", of: ({ answers, seconds }) => answers / seconds, digits: 0 },
      ],
    },
    {
      name: `open loop, ${perSecond}/s`,
      load: { kind: "open", connections: 64, perSecond, request: chat(folder, "gpt"), ...times },
      figures: [
        {
          name: "added latency p50",
          unit: "ms",
          of: ({ latency }) => latency.p50,
          reach: { atMost: 1.5 },
          added: true,
          digits: 3,
        },
        {
          name: "added latency p99",
          unit: "ms",
          of: ({ latency }) => latency.p99,
          reach: { atMost: 3 },
          added: true,
          digits: 3,
        },
        {
          name: "core in use",
          unit: "%",
          of: ({ proxyCpu, seconds }) => (100 * proxyCpu) / seconds,
          digits: 0,
        },
        { name: "load was late, p99", unit: "ms", of: ({ late }) => late.p99, digits: 3 },
      ],
    },
    {
      name: "50 streams, an event each 20 ms",
      // Only 33 of them begin in a second: what that needs is compiled after some 20 seconds.
      warmMs: 24_000,
      load: {
        kind: "streams",
        connections: 50,
        request: chat(folder, "stream"),
        warmUpMs: times.warmUpMs + 300,
        measureMs: times.measureMs,
      },
      figures: [
        {
          name: "time to first byte p50",
          unit: "ms",
          of: ({ firstByte }) => firstByte.p50,
          reach: { atMost: 1.5 },
          digits: 3,
        },
        { name: "event p50", unit: "ms", of: ({ event }) => event.p50, digits: 3 },
        { name: "event p99", unit: "ms", of: ({ event }) => event.p99, reach: { atMost: 1 }, digits: 3 },
        { name: "events per CPU second", unit: "", of: perCpu(({ event }) => event.count), digits: 0 },
      ],
    },
    {
      name: "10 MB down, 2 connections",
      load: { kind: "closed", connections: 2, request: chat(folder, "bulk"), ...times },
      figures: [
        {
          name: "MB per CPU second",
          unit: "",
          of: perCpu(({ bytesDown }) => bytesDown / megabyte),
          reach: { atLeast: 0.7 },
          digits: 0,
        },
      ],
    },
    {
      name: "10 MB up as a form (streamed), 2 connections",
      load: {
        kind: "closed",
        connections: 2,
        // The backend gives every file the same id: it can belong to one client only.
        mostClients: 1,
        request: {
          method: "POST",
          path: "/openai/v1/files",
          bodyFile: join(folder, "upload.form"),
          contentType: `multipart/form-data; boundary=${boundary}`,
        },
        ...times,
      },
      figures: [
        {
          name: "MB per CPU second",
          unit: "",
          of: perCpu(({ bytesUp }) => bytesUp / megabyte),
          reach: { atLeast: 0.9 },
          digits: 0,
        },
      ],
    },
    {
      name: "10 MB up as JSON (read and held), 2 connections",
      load: { kind: "closed", connections: 2, request: chat(folder, "read", "bulk-question.json"), ...times },
      figures: [
        { name: "MB per CPU second", unit: "", of: perCpu(({ bytesUp }) => bytesUp / megabyte), digits: 0 },
      ],
    },
    {
      name: "10 MB up on a pass-through route, 2 connections",
      load: {
        kind: "closed",
        connections: 2,
        request: { method: "PUT", path: "/raw/part", bodyFile: join(folder, "bulk.json") },
        ...times,
      },
      figures: [
        {
          name: "MB per CPU second",
          unit: "",
          of: perCpu(({ bytesUp }) => bytesUp / megabyte),
          reach: { atLeast: 0.9 },
          digits: 0,
        },
      ],
    },
  ];
}

/** What the proxy answers itself: with a request that goes on, a handshake's row would measure that request too. */
const ownAnswer: LoadRequest = { method: "GET", path: "/openai/v1/models" };

/** Full handshakes on CRLs of one size, with the least that shows their outcome, and with a request that goes on. */
export const handshakeRows = (grounds: Grounds, times: Times, entries: number, atLeast: number): Row[] => [
  handshakes(
    "answered by the proxy",
    { ...handshakeLoad(grounds, times), request: ownAnswer },
    entries,
    atLeast,
  ),
  handshakes("with one request each", handshakeLoad(grounds, times), entries),
];

/** Full handshakes with a request that goes on. */
export const handshakeLoad = ({ folder }: Grounds, times: Times): Load => ({
  kind: "handshakes",
  connections: 16,
  request: chat(folder, "gpt"),
  ...times,
});

const handshakes = (what: string, load: Load, entries: number, atLeast?: number): Row => ({
  name: `full mTLS handshakes ${what}, CRL of ${entries.toLocaleString("en")}`,
  load,
  figures: [
    {
      name: "handshakes per CPU second",
      unit: "",
      of: perCpu(({ answers }) => answers),
      ...(atLeast === undefined ? {} : { reach: { atLeast } }),
      digits: 0,
    },
    { name: "handshakes/s", unit: "", of: ({ answers, seconds }) => answers / seconds, digits: 0 },
  ],
});
