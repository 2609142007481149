import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";

/**
 * The backend of the streams: an event each 20 ms that says when it was sent, for a second and a half. Also everything
 * that the nginx backend answers, for machines without nginx. Arguments: folder, port.
 */
const folder = process.argv[2] ?? "";
const [intervalMs, events] = [20, 75];
const file = (name: string) => readFileSync(`${folder}/${name}`);
const [answer, bulk, uploaded] = [file("answer.json"), file("bulk.json"), file("uploaded.json")];

createServer(
  { cert: file("server.pem"), key: file("server.key"), noDelay: true, keepAliveTimeout: 3_600_000 },
  (request, response) => {
    const url = request.url ?? "";
    request.resume();
    // An answer that is complete before its question would be cut short.
    request.once("end", () => {
      if (url.includes("/stream/")) return stream(response);
      const body = url.includes("/bulk/") ? bulk : isUpload(url) ? uploaded : answer;
      response
        .writeHead(200, ["content-type", "application/json", "content-length", String(body.length)])
        .end(body);
    });
  },
).listen(Number(process.argv[3]), "127.0.0.1");

const isUpload = (url: string): boolean =>
  url.includes("/files") || url.includes("/read/") || /^\/(raw\/)?part/.test(url);

function stream(response: ServerResponse): void {
  response.writeHead(200, ["content-type", "text/event-stream", "cache-control", "no-cache"]);
  let sent = 0;
  const send = () => {
    sent += 1;
    response.write(`data: ${process.hrtime.bigint()}\n\n`);
    if (sent < events) return;
    clearInterval(timer);
    response.end("data: [DONE]\n\n");
  };
  const timer = setInterval(send, intervalMs);
  response.once("close", () => clearInterval(timer));
  send();
}
