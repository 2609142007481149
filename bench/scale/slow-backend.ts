import { readFileSync } from "node:fs";
import { createServer } from "node:https";

/** A backend whose streams last as long as anybody listens, with an event a second. Arguments: folder. Prints its port. */
const folder = process.argv[2] ?? "";
const file = (name: string) => readFileSync(`${folder}/${name}`);

const server = createServer({ cert: file("server.pem"), key: file("server.key") }, (request, response) => {
  request.resume();
  request.once("end", () => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const send = () => void response.write('data: {"choices":[{"delta":{"content":"one"}}]}\n\n');
    const timer = setInterval(send, 1000);
    response.once("close", () => clearInterval(timer));
    send();
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : "");
});
