import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { followConnections } from "../../src/dev/azure/reset.ts";
import { createTestPki } from "./test-pki.ts";
import { part, type Upload, upload } from "./upload.ts";
import { startWorld, type World } from "./world.ts";

export const MiB = 1024 * 1024;
export const transcriptions = "/openai/v1/audio/transcriptions";
export const files = "/openai/v1/files";
export const forSlow = part("model", "gpt-slow");
export const forAzure = part("model", "gpt-test");

/** A gateway before the local Azure (`gpt-test`, files) and a backend that reads only as the test tells (`gpt-slow`). */
export interface UploadWorld extends World {
  start(path: string, options?: Parameters<typeof upload>[2]): Upload;
  /** What the slow backend does with its next requests. */
  onSlow(listener: RequestListener): void;
  nextOnSlow(): Promise<[IncomingMessage, ServerResponse]>;
  /** The logged exchanges of uploads, from a number of them on. */
  records(from?: number): Promise<Record<string, unknown>[]>;
}

/** Forms: 4 MiB held, 80 MiB in all. */
export async function startUploadWorld(): Promise<UploadWorld> {
  const pki = await createTestPki();
  let listener: RequestListener = () => {};
  const slow = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (request, response) =>
    listener(request, response),
  );
  followConnections(slow);
  slow.listen(0, "127.0.0.1");
  await once(slow, "listening");
  const world = await startWorld({
    pki,
    configure(config) {
      const { port } = slow.address() as AddressInfo;
      config["backends"]["slow"] = { ...config["backends"]["main"], endpoint: `https://localhost:${port}` };
      config["deployments"]["gpt-slow"] = { backend: "slow" };
      config["ownership"] = { backend: "main" };
      config["limits"] = { formHeldBytes: 4 * MiB, formBodyBytes: 80 * MiB };
      config["clients"]["device-1"] = {
        thumbprints: [pki.client.thumbprint],
        deployments: ["gpt-test", "gpt-slow"],
        operations: ["inference", "files"],
      };
    },
  });
  return {
    ...world,
    start: (path, options) =>
      upload({ port: world.certgate.port, ca: pki.root.pem, client: pki.client }, path, options),
    onSlow: (next) => {
      listener = next;
    },
    nextOnSlow: () =>
      new Promise((resolve) => {
        listener = (...exchange) => resolve(exchange);
      }),
    async records(from = 0) {
      const lines = await world.log();
      return lines.filter(({ path }) => path === transcriptions || path === files).slice(from);
    },
    async stop() {
      slow.closeAllConnections();
      slow.close();
      await world.stop();
    },
  };
}
