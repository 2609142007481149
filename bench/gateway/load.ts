import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { ClientConnection } from "./client-connection.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";
import { cpuSeconds } from "./process-figures.ts";
import { Samples } from "./samples.ts";

/** The load program: runs one plan and prints what it measured. Started by `measure.ts`, pinned to its core. */
const plan = JSON.parse(process.argv[2] ?? "") as LoadPlan;

const requestBytes = bytesOf(plan);
const contexts: SecureContext[] = plan.clients.slice(0, plan.mostClients).map(({ cert, key }) =>
  createSecureContext({
    ca: readFileSync(plan.ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
    minVersion: "TLSv1.3",
    // The same arithmetic for all: the peers' TLS library may know no post-quantum exchange, and the gateway prefers it.
    ecdhCurve: "X25519",
  }),
);
const latency = new Samples();
const firstByte = new Samples();
const event = new Samples();
const late = new Samples();
let [answers, bytesDown, bytesUp, failures] = [0, 0, 0, 0];
let failure: string | undefined;
let connected = 0;
let over = false;

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

function bytesOf({ request: { method, path, bodyFile, contentType } }: LoadPlan): Buffer {
  const body = bodyFile === undefined ? Buffer.alloc(0) : readFileSync(bodyFile);
  // What an official client sends, its own credential included: every proxy has to take that away.
  const head = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    "Accept: application/json",
    ...(bodyFile === undefined
      ? []
      : [`Content-Type: ${contentType ?? "application/json"}`, `Content-Length: ${body.length}`]),
    "User-Agent: AzureOpenAI/JS 7.55.0",
    "Authorization: Bearer of-the-client",
    "api-key: of-the-client",
    "X-Stainless-Lang: js",
    "X-Stainless-Package-Version: 7.55.0",
    "X-Stainless-OS: Linux",
    "X-Stainless-Arch: x64",
    "X-Stainless-Runtime: node",
    "X-Stainless-Runtime-Version: v26.10.0",
    "X-Stainless-Retry-Count: 0",
    "X-Stainless-Timeout: 600",
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

function failed(why: string): void {
  if (over) return;
  failures += 1;
  failure ??= why;
  if (failures > 10_000) finish();
}

let turn = 0;
interface Handlers {
  readonly answered: (connection: ClientConnection) => void;
  readonly failed: () => void;
  readonly body?: (piece: Buffer) => void;
}

/** Opens a connection, and hands it over once the handshake is done. */
function open(handlers: Handlers, opened: (connection: ClientConnection) => void): ClientConnection {
  const secureContext = contexts[turn++ % contexts.length] as SecureContext;
  const connection: ClientConnection = new ClientConnection(
    { port: plan.port, secureContext },
    {
      ...(handlers.body === undefined ? {} : { body: handlers.body }),
      answered(status, bytes) {
        if (status === 200) {
          answers += 1;
          bytesDown += bytes;
          bytesUp += requestBytes.length;
        } else failed(`status ${status}`);
        handlers.answered(connection);
      },
      failed(why) {
        failed(why);
        // Not at once: a proxy that refuses everything must not be asked ten thousand times a second.
        if (!over) setTimeout(handlers.failed, 100);
      },
    },
    () => {
      connected += 1;
      opened(connection);
    },
  );
  return connection;
}

function closedLoop(): void {
  const start = () => {
    let sentAt = 0;
    const ask = (connection: ClientConnection) => {
      sentAt = now();
      connection.send(requestBytes);
    };
    open(
      {
        answered(connection) {
          latency.add(now() - sentAt);
          if (!over) ask(connection);
        },
        failed: start,
      },
      ask,
    );
  };
  for (let i = 0; i < plan.connections; i += 1) start();
}

function openLoop(perSecond: number): void {
  const unused: ClientConnection[] = [];
  const dueOf = new Map<ClientConnection, number>();
  // Due, but every connection is busy: they wait, and their latency runs.
  const waiting: number[] = [];
  const ask = (connection: ClientConnection, due: number) => {
    late.add(now() - due);
    dueOf.set(connection, due);
    connection.send(requestBytes);
  };
  const free = (connection: ClientConnection) => {
    const due = waiting.shift();
    if (due === undefined) unused.push(connection);
    else ask(connection, due);
  };
  const start = () => {
    open(
      {
        answered(connection) {
          latency.add(now() - (dueOf.get(connection) ?? 0));
          free(connection);
        },
        failed: start,
      },
      free,
    );
  };
  for (let i = 0; i < plan.connections; i += 1) start();
  const pacer = spawn(process.execPath, [join(import.meta.dirname, "pacer.ts"), String(perSecond)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let rest: Buffer = Buffer.alloc(0);
  pacer.stdout.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + 8 <= rest.length; at += 8) {
      const due = rest.readDoubleLE(at) / 1e6;
      const connection = unused.pop();
      if (connection === undefined) waiting.push(due);
      else ask(connection, due);
    }
    rest = rest.subarray(at);
  });
  process.once("exit", () => pacer.kill("SIGKILL"));
}

function handshakes(): void {
  const start = () => {
    const startedAt = now();
    open(
      {
        answered(connection) {
          latency.add(now() - startedAt);
          connection.close();
          if (!over) start();
        },
        failed: start,
      },
      (connection) => connection.send(requestBytes),
    );
  };
  for (let i = 0; i < plan.connections; i += 1) start();
}

/** Lines `data: NANOSECONDS`: when the backend sent this one. One that came in two pieces is not counted. */
const stamp = /data: (\d+)\n/g;

function streams(): void {
  const start = () => {
    let sentAt = 0;
    let isFirst = true;
    const ask = (connection: ClientConnection) => {
      sentAt = now();
      isFirst = true;
      connection.send(requestBytes);
    };
    open(
      {
        body(piece) {
          const at = now();
          if (isFirst) firstByte.add(at - sentAt);
          isFirst = false;
          for (const [, sent] of piece.toString("latin1").matchAll(stamp)) event.add(at - Number(sent) / 1e6);
        },
        answered(connection) {
          latency.add(now() - sentAt);
          if (!over) ask(connection);
        },
        failed: start,
      },
      ask,
    );
  };
  // One after the other, so that they do not all tick in the same moment.
  for (let i = 0; i < plan.connections; i += 1) setTimeout(start, (i * 20) / plan.connections + i * 3);
}

function idle(): void {
  // Twenty handshakes at a time; each connection asks once, so that its caller was decided.
  let started = 0;
  const next = () => {
    if (started >= plan.connections) return;
    started += 1;
    open({ answered: next, failed: next }, (connection) => connection.send(requestBytes));
  };
  for (let i = 0; i < 20; i += 1) next();
  const look = setInterval(() => {
    if (answers + failures < plan.connections) return;
    clearInterval(look);
    setTimeout(
      () => process.stdout.write(`${JSON.stringify({ ready: connected, failures, failure })}\n`),
      1000,
    );
  }, 50);
  process.stdin.once("data", () => process.exit());
}

const loadCpu = () => process.cpuUsage();

function measure(): void {
  for (const samples of [latency, firstByte, event, late]) samples.clear();
  [answers, bytesDown, bytesUp, failures, failure] = [0, 0, 0, 0, undefined];
  const own = loadCpu();
  const proxy = cpuSeconds(plan.proxyPids);
  const backend = cpuSeconds(plan.backendPids);
  const startedAt = now();
  finish = () => {
    over = true;
    const seconds = (now() - startedAt) / 1000;
    const result: LoadResult = {
      seconds,
      answers,
      bytesDown,
      bytesUp,
      failures,
      ...(failure === undefined ? {} : { failure }),
      latency: latency.percentiles(),
      firstByte: firstByte.percentiles(),
      event: event.percentiles(),
      late: late.percentiles(),
      proxyCpu: cpuSeconds(plan.proxyPids) - proxy,
      backendCpu: cpuSeconds(plan.backendPids) - backend,
      loadCpu: (process.cpuUsage(own).user + process.cpuUsage(own).system) / 1e6,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
  };
  setTimeout(() => finish(), plan.measureMs);
}
let finish = (): void => process.exit(1);

if (plan.kind === "closed") closedLoop();
else if (plan.kind === "open") openLoop(plan.perSecond);
else if (plan.kind === "handshakes") handshakes();
else if (plan.kind === "streams") streams();
else idle();
if (plan.kind !== "idle") setTimeout(measure, plan.warmUpMs);
