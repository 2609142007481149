import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ClientConnection } from "../gateway/client-connection.ts";

/** What the program is told, as JSON in its first argument. */
export interface HeldPlan {
  readonly port: number;
  /** PEM files. */
  readonly ca: string;
  readonly clients: readonly { readonly cert: string; readonly key: string }[];
  readonly path: string;
  readonly connections: number;
  /** `idle`: each asks once, and again before it would be closed. `streams`: each has a stream that does not end. */
  readonly kind: "idle" | "streams";
}

/** One line of JSON, once all are open. */
export interface HeldResult {
  readonly held: number;
  readonly failures: number;
  readonly example: string;
}

/** The gateway closes what is idle for 75 s. */
const againMs = 40_000;

/** Holds so many connections open until its standard input says otherwise. */
const plan = JSON.parse(process.argv[2] ?? "") as HeldPlan;
const isStream = plan.kind === "streams";
const body = JSON.stringify({ stream: isStream, messages: [{ role: "user", content: "count" }] });
const bytes = Buffer.from(
  `POST ${plan.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);
const contexts = plan.clients.map(({ cert, key }) =>
  createSecureContext({ ca: readFileSync(plan.ca), cert: readFileSync(cert), key: readFileSync(key) }),
);
let [opened, held, failures, example] = [0, 0, 0, ""];

function next(): void {
  if (opened >= plan.connections) return;
  const secureContext = contexts[opened % contexts.length];
  opened += 1;
  let parts = 0;
  // The second event of a stream: the first may come with its head.
  const progress = (enough: number) => {
    parts += 1;
    if (parts === 1) next();
    if (parts === enough) held += 1;
    look();
  };
  const connection: ClientConnection = new ClientConnection(
    { port: plan.port, ...(secureContext === undefined ? {} : { secureContext }) },
    {
      body() {
        if (isStream) progress(2);
      },
      answered(status) {
        if (isStream || status !== 200) return fail(`ended with ${status}`);
        progress(1);
        setTimeout(() => connection.send(bytes), againMs);
      },
      failed: fail,
    },
    () => connection.send(bytes),
  );
}

function fail(why: string): void {
  failures += 1;
  example ||= why;
  next();
  look();
}

let isTold = false;
function look(): void {
  if (isTold || held + failures < plan.connections) return;
  isTold = true;
  process.stdout.write(`${JSON.stringify({ held, failures, example } satisfies HeldResult)}\n`);
}

for (let at = 0; at < 32; at += 1) next();
process.stdin.once("data", () => process.exit());
