import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const messages = '"messages":[{"role":"user","content":"hello"}]';
const v1 = {
  good: {
    target: "/openai/v1/chat/completions?api-version=preview",
    body: `{"model":"gpt-test",${messages}}`,
  },
  arrives: { operation: "chat-completions" },
};
const classic = {
  good: {
    target: "/openai/deployments/gpt-test/chat/completions?api-version=2024-10-21",
    body: `{${messages}}`,
  },
  arrives: { operation: "chat-completions" },
};

/** What is put behind the good query. */
const tricks = [
  ["a model", "&model=gpt-other"],
  ["a model that is the granted one", "&model=gpt-test"],
  ["a deployment", "&deployment=gpt-other"],
  ["a deployment id", "&deployment_id=gpt-other"],
  ["a deployment name", "&deploymentName=gpt-other"],
  ["an engine", "&engine=gpt-other"],
  ["a model in upper case", "&MODEL=gpt-other"],
  ["a model whose name is encoded", "&%6dodel=gpt-other"],
  ["a model in brackets", "&model[]=gpt-other"],
  ["a model in encoded brackets", "&model%5B%5D=gpt-other"],
  ["a model behind a semicolon", ";model=gpt-other"],
  ["a model behind an encoded ampersand", "%26model=gpt-other"],
  ["a model behind a second question mark", "?model=gpt-other"],
  ["a model behind a fragment", "#&model=gpt-other"],
  ["an empty parameter and a model", "&&model=gpt-other"],
  ["a key of the client's", "&api-key=key-of-the-client"],
  ["a subscription key of the client's", "&subscription-key=key-of-the-client"],
  ["a method", "&_method=DELETE"],
  ["a version twice", "&api-version=2024-10-21"],
  ["a version twice, once encoded", "&api%2Dversion=2023-05-15"],
  ["a version twice, once in upper case", "&API-VERSION=2023-05-15"],
  ["a plus", "+x"],
  ["a zero byte, encoded", "%00"],
  ["a line feed, encoded", "%0a"],
  ["a parameter that nobody knows", "&x=1"],
  ["nothing behind an ampersand", "&"],
] as const;

describe.each([
  ["with the model in the body", v1],
  ["with the deployment in the path", classic],
])("a query that could name another deployment, %s", (_surface, { good, arrives }) => {
  it.each(tricks)("%s", (_name, tail) =>
    expect(
      bench.prove({
        good,
        arrives,
        bad: { ...good, target: `${good.target}${tail}` },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );
});

describe("a query", () => {
  it("must name the version where the surface is dated", () =>
    expect(
      bench.prove({
        ...classic,
        bad: { ...classic.good, target: classic.good.target.replace(/\?.*/, "") },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined());

  it("must not be empty behind its question mark", () =>
    expect(
      bench.prove({
        ...v1,
        bad: { ...v1.good, target: v1.good.target.replace(/\?.*/, "?") },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined());
});

describe("the deployment of a WebSocket, in its query", () => {
  it.each(["/openai/realtime?api-version=2024-10-01-preview&deployment=", "/openai/v1/realtime?model="])(
    "is no way for a request that opens none: %s",
    async (path) => {
      await expect(bench.expectPasses(v1.good, v1.arrives)).resolves.toBeUndefined();
      for (const name of ["gpt-other", "gpt-test&model=gpt-other", "gpt-test&deployment=gpt-other"])
        await expect(
          bench.expectRefused({ target: `${path}${name}` }, "request_malformed"),
        ).resolves.toBeUndefined();
    },
  );
});
