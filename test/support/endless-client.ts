import { connect, type Socket } from "node:net";

/** A client that sends more of a body than is ever taken, and reads nothing yet. @param headers lines, each with its end */
export function endlessClient(port: number, headers = ""): Socket {
  const client = connect(port, "127.0.0.1").pause();
  client.on("error", () => {});
  client.write(`POST / HTTP/1.1\r\nhost: a\r\n${headers}content-length: 99999999\r\n\r\n`);
  client.write(Buffer.alloc(64 * 1024 * 1024));
  return client;
}

/** All that it gets to read until its connection is closed. */
export async function readToTheEnd(client: Socket): Promise<string> {
  let text = "";
  client
    .setEncoding("latin1")
    .on("data", (piece) => (text += piece))
    .resume();
  // Not `once`, which would fail with a reset that comes behind the answer.
  await new Promise((resolve) => client.once("close", resolve));
  return text;
}
