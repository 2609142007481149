import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { forward, forwarderTo } from "../support/forwarded.ts";
import { testPki } from "../support/test-pki.ts";

/** Answers with the number of connections so far. In a thread of its own, it does so while the forwarder's is busy. */
const backendSource = `
  const { createServer } = require("node:https");
  const { parentPort, workerData } = require("node:worker_threads");
  let connections = 0;
  const server = createServer(workerData, (request, response) => response.end(String(connections)));
  server.on("secureConnection", () => (connections += 1));
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

/** Holds the event loop up once a turn, before it looks what has come. */
function keepBusy(): void {
  const timer = setInterval(() => {
    const until = performance.now() + 20;
    while (performance.now() < until);
  }, 1);
  onTestFinished(() => clearInterval(timer));
}

it("a connection is used again although its answer was there before Node told that the request was sent", async () => {
  const { server, root } = await testPki();
  const backend = new Worker(backendSource, {
    eval: true,
    workerData: { cert: server.chainPem, key: server.keyPem },
  });
  const [port] = (await once(backend, "message")) as [number];
  const forwarder = forwarderTo(`https://localhost:${port}`, root.pem);
  onTestFinished(async () => {
    await backend.terminate();
    await forwarder.close();
  });
  keepBusy();
  const answers: string[] = [];
  for (let count = 0; count < 5; count += 1) answers.push((await forward(forwarder).over).body);
  expect(answers).toEqual(["1", "1", "1", "1", "1"]);
});
