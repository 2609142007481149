import { describe, expect, it } from "vitest";
import { backends, deployments, membersOf } from "../../../src/config/backend-schema.ts";
import { checkDeployments } from "../../../src/config/check-deployments.ts";
import { checkReferences } from "../../../src/config/check-references.ts";
import { formatPath } from "../../../src/config/problem.ts";

const azure = { endpoint: "https://a.example", credential: "c" };
const bedrock = { ...azure, kind: "bedrock", region: "eu-central-1" };

function problems(deployment: unknown, more: object = {}, check = checkDeployments): string[] {
  const found: string[] = [];
  const value = {
    credentials: { c: {} },
    backends: { a: azure, b: azure, rock: bedrock, ...more },
    deployments: { gpt: deployment },
  };
  check({ path: [], value }, (path, message) => found.push(`${formatPath(path)}: ${message}`));
  return found;
}

describe("the backends of a deployment", () => {
  it.each([
    { backend: "a" },
    { backends: [{ backend: "a" }] },
    {
      backends: [{ backend: "a" }, { backend: "a", deployment: "x" }, { backend: "b" }],
      selection: "weighted",
    },
  ])("may be written as %j", (deployment) => {
    expect(problems(deployment)).toEqual([]);
  });

  it("must be there, in one of the two forms", () => {
    expect(problems({})).toEqual(["deployments.gpt.backend: is missing: a deployment lives on a backend"]);
    expect(problems({ backend: "a", backends: [{ backend: "b" }] })).toEqual([
      "deployments.gpt.backend: stands beside `backends`",
    ]);
  });

  it("must differ, also where one of the names is not written out", () => {
    expect(problems({ backends: [{ backend: "a" }, { backend: "a", deployment: "gpt" }] })).toEqual([
      "deployments.gpt.backends[1]: names the same deployment of the same backend twice",
    ]);
  });

  it("must be of one kind", () => {
    expect(problems({ backends: [{ backend: "a" }, { backend: "rock" }] })).toEqual([
      "deployments.gpt.backends[1].backend: is of another kind than those above it: their requests are not written alike",
    ]);
  });

  it("have no selection where there is no choice", () => {
    expect(problems({ backend: "a", selection: "weighted" })).toEqual([
      "deployments.gpt.selection: does nothing with a single backend",
    ]);
  });

  it("must be defined", () => {
    expect(problems({ backends: [{ backend: "a" }, { backend: "c" }] }, {}, checkReferences)).toEqual([
      'deployments.gpt.backends[1].backend: names the backend "c", which is not defined',
    ]);
  });

  it.each([
    ["anthropic.claude-3-haiku-20240307-v1:0", true],
    ["arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.x-v1:0", true],
    ["gpt-4o", true],
    ['a"b', false],
    ["..", false],
    ["a b", false],
    ["a%2Fb", false],
  ])("may call it %j: %s", (name, good) => {
    const written = { gpt: { backends: [{ backend: "a", deployment: name }] } };
    expect(deployments.safeParse(written).success).toBe(good);
  });

  it("are one when the short form is used", () => {
    expect(membersOf(deployments.parse({ gpt: { backend: "a" } })["gpt"] as never)).toEqual([
      { backend: "a", priority: 1, weight: 1 },
    ]);
  });
});

describe("a backend", () => {
  it("of Bedrock says its region", () => {
    expect(backends.safeParse({ rock: bedrock }).success).toBe(true);
    expect(backends.safeParse({ rock: { ...bedrock, region: undefined } }).success).toBe(false);
  });

  it.each(["environment", "none", "http://proxy.example:3128"])("takes the proxy %s", (proxy) => {
    expect(backends.safeParse({ a: { ...azure, proxy } }).success).toBe(true);
  });

  it.each(["socks5://proxy", "proxy.example"])("does not take the proxy %s", (proxy) => {
    expect(backends.safeParse({ a: { ...azure, proxy } }).success).toBe(false);
  });
});
