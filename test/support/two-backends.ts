import { startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type LocalOpenAi, startOpenAi } from "../../src/dev/azure/openai/server.ts";
import { createTestPki, type TestPki } from "./test-pki.ts";
import { startWorld, type World, type WorldConfig } from "./world.ts";

/** A gateway before two local OpenAIs, `first` and `second`, which take the same tokens. */
export interface TwoBackends extends World {
  readonly first: LocalOpenAi;
  readonly second: LocalOpenAi;
}

/** @param names of deployments that both have; the configuration decides which of them the gateway has */
export async function startTwoBackends(
  names: readonly string[],
  configure: (config: WorldConfig) => void,
  more: { readonly pki?: TestPki; readonly operations?: readonly string[] } = {},
): Promise<TwoBackends> {
  const pki = more.pki ?? (await createTestPki());
  const tls = { cert: pki.server.chainPem, key: pki.server.keyPem };
  const deployments = Object.fromEntries(names.map((name) => [name, "gpt-4o"]));
  const azure = await startLocalAzure({ tls, deployments });
  const second = await startOpenAi({ tls, deployments, tokens: azure.tokens });
  const world = await startWorld({
    pki,
    azure,
    configure(config) {
      const backend = (endpoint: string) => ({
        endpoint,
        credential: "gateway",
        caFile: "root.pem",
        breaker: { failures: 1, openSeconds: 60, slowStartSeconds: 0 },
      });
      config["backends"] = { first: backend(azure.openAi.url), second: backend(second.url) };
      config["deployments"] = Object.fromEntries(
        names.map((name) => [name, { backends: [{ backend: "first" }, { backend: "second", priority: 2 }] }]),
      );
      configure(config);
      config["clients"]["device-1"] = {
        ...config["clients"]["device-1"],
        deployments: Object.keys(config["deployments"] as object),
        operations: more.operations ?? ["inference", "files", "realtime"],
      };
    },
  });
  return {
    ...world,
    first: azure.openAi,
    second,
    async stop() {
      await world.stop();
      await Promise.all([azure.stop(), second.stop()]);
    },
  };
}

/** A chat on the path that names its deployment, so that the local OpenAI's faults can be told by it. */
export const chatOf = (deployment: string, extra: object = {}) => ({
  path: `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`,
  body: { messages: [{ role: "user", content: "hi" }], ...extra },
});
