import { once } from "node:events";
import { WebSocket } from "ws";
import { type Answer, ask, type Asker, begin } from "../support/ask.ts";
import { form, lastDelimiter, part, upload } from "../support/upload.ts";
import { pause, type Visit } from "./visits.ts";

const file = Buffer.alloc(512 * 1024, "spindle ");
const fields = [part("purpose", "assistants"), part("file", file, "notes.txt")];

/** What a steady load of requests does not have: uploads, WebSockets, and clients that leave in the middle. */
export const guestVisits = (asker: Asker, keeper: Asker): Visit[] => [
  { name: "uploads", everyMs: 500, run: () => uploadAndDelete(keeper) },
  { name: "uploads broken off", everyMs: 1500, run: () => breakUploadOff(keeper) },
  { name: "streams broken off", everyMs: 500, run: () => breakStreamOff(asker) },
  { name: "WebSockets, short", everyMs: 500, run: (signal) => converse(asker, signal, 2, 0) },
  { name: "WebSockets, 20 s", everyMs: 0, run: (signal) => converse(asker, signal, 40, 500) },
  { name: "WebSockets, refused", everyMs: 500, run: () => beRefused(asker) },
];

async function uploadAndDelete(asker: Asker): Promise<void> {
  const content = form(...fields);
  const sent = upload(asker, "/openai/v1/files", { length: content.length });
  await sent.send(content);
  sent.request.end();
  const answer = await sent.answer;
  if (answer.status !== 200) throw new Error(`upload: ${answer.status} ${answer.text} ${told(answer)}`);
  const gone = await ask(asker, { method: "DELETE", path: `/openai/v1/files/${answer.json.id}` });
  if (gone.status !== 200) throw new Error(`delete: ${gone.status} ${gone.text} ${told(gone)}`);
}

/** What the gateway says of an answer. */
const told = ({ headers }: Answer): string =>
  Object.entries(headers)
    .filter(([name]) => name.startsWith("x-certgate"))
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(", ");

async function breakUploadOff(asker: Asker): Promise<void> {
  const content = Buffer.concat(fields);
  const sent = upload(asker, "/openai/v1/files", { length: content.length + lastDelimiter.length });
  sent.request.on("error", () => {});
  await sent.send(content.subarray(0, content.length / 2));
  sent.request.destroy();
}

async function breakStreamOff(asker: Asker): Promise<void> {
  const answer = await begin(asker, {
    path: "/openai/v1/chat/completions",
    body: { model: "gpt-test", messages: [{ role: "user", content: "one two three four" }], stream: true },
  });
  if (answer.statusCode !== 200) throw new Error(`stream: ${answer.statusCode}`);
  await once(answer, "data");
  answer.destroy();
}

async function converse(asker: Asker, signal: AbortSignal, messages: number, pauseMs: number): Promise<void> {
  const socket = openSocket(asker);
  try {
    // The session's begin, which may come with the answer to the upgrade.
    await once(socket, "message", { signal: AbortSignal.timeout(15_000) });
    for (let number = 0; number < messages && !signal.aborted; number += 1) {
      const answer = once(socket, "message", { signal: AbortSignal.timeout(15_000) });
      socket.send(
        JSON.stringify({ type: "session.update", session: { instructions: `be brief ${number}` } }),
      );
      await answer;
      await pause(pauseMs, signal);
    }
    const closed = once(socket, "close");
    socket.close(1000);
    await closed;
  } finally {
    socket.terminate();
  }
}

async function beRefused(asker: Asker): Promise<void> {
  const socket = openSocket(asker, "/openai/v1/nothing-here");
  // Refused with plain HTTP: what it costs to be asked for a tunnel that nobody may have.
  const [, answer] = (await once(socket, "unexpected-response")) as [
    unknown,
    { readonly statusCode: number },
  ];
  socket.on("error", () => {});
  socket.terminate();
  if (answer.statusCode < 400) throw new Error(`tunnel: ${answer.statusCode}`);
}

const openSocket = ({ port, ca, client }: Asker, path = "/openai/v1/realtime?model=gpt-test"): WebSocket =>
  new WebSocket(`wss://localhost:${port}${path}`, {
    ca,
    ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
  });
