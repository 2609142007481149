import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ClientConnection } from "../gateway/client-connection.ts";

interface Plan {
  readonly port: number;
  readonly ca: string;
  readonly clients: readonly { readonly cert: string; readonly key: string }[];
  readonly path: string;
  readonly streams: number;
}

/** Holds so many streams open until its standard input says otherwise; prints a line once each had its second event. */
const plan = JSON.parse(process.argv[2] ?? "") as Plan;
const body = JSON.stringify({ stream: true, messages: [{ role: "user", content: "count" }] });
const bytes = Buffer.from(
  `POST ${plan.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);
const contexts = plan.clients.map(({ cert, key }) =>
  createSecureContext({ ca: readFileSync(plan.ca), cert: readFileSync(cert), key: readFileSync(key) }),
);
let [opened, flowing, failures, example] = [0, 0, 0, ""];

function next(): void {
  if (opened >= plan.streams) return;
  const secureContext = contexts[opened % contexts.length];
  opened += 1;
  let pieces = 0;
  const connection = new ClientConnection(
    { port: plan.port, ...(secureContext === undefined ? {} : { secureContext }) },
    {
      body() {
        pieces += 1;
        if (pieces === 1) next();
        if (pieces === 2) flowing += 1;
        look();
      },
      answered: (status) => fail(`ended with ${status}`),
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
  if (isTold || flowing + failures < plan.streams) return;
  isTold = true;
  process.stdout.write(`${JSON.stringify({ flowing, failures, example })}\n`);
}

for (let at = 0; at < 20; at += 1) next();
process.stdin.once("data", () => process.exit());
