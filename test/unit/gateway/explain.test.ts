import { beforeAll, describe, expect, it } from "vitest";
import type { CallerFacts } from "../../../src/gateway/caller.ts";
import {
  explain,
  type ExplainFacts,
  type Explanation,
  type ImaginedRequest,
} from "../../../src/gateway/explain.ts";
import {
  createClientCertificateVerifier,
  type TrustFacts,
} from "../../../src/identity/client-certificate.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { silentMetrics } from "../../../src/model/metrics.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import { builtIn } from "../../../src/target/surface.ts";
import { clientMapOf } from "../../support/client-map.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { testPki, type TestPki } from "../../support/test-pki.ts";
import { chainOf, trustFactsOf } from "../../support/trust-facts.ts";

let pki: TestPki;
beforeAll(async () => {
  pki = await testPki();
});

function factsWith(trust: TrustFacts = trustFactsOf(pki)): ExplainFacts {
  const clock = new ManualClock(Date.now());
  const clients = clientMapOf(
    [
      {
        name: "scanner",
        thumbprints: [pki.client.thumbprint],
        deployments: ["gpt-4o", "homeless"],
        routes: ["erp"],
        operations: ["inference", "files"],
      },
    ],
    { deployments: ["gpt-4o", "homeless"], roles: {} },
  );
  const callers: CallerFacts = {
    clock,
    clients: () => clients,
    generation: () => trust.version,
    fetchMissing: () => Promise.resolve(false),
    verifier: createClientCertificateVerifier({
      clock,
      log: silentLogger,
      metrics: silentMetrics,
      rules: defaultPathRules,
      facts: () => trust,
    }),
  };
  return {
    callers,
    surface: builtIn,
    placesOf: (deployment) =>
      deployment === "gpt-4o"
        ? [
            { backend: "reserved", name: "gpt-4o-ptu" },
            { backend: "sweden", name: "gpt-4o" },
          ]
        : [],
    routeOf: (url) =>
      ["erp", "hr"]
        .map((name) => ({ name, prefix: `/${name}/`, backend: `${name}-app` }))
        .find(({ prefix }) => url.startsWith(prefix)),
  };
}

const chat = (model: string): ImaginedRequest => ({
  method: "POST",
  url: "/openai/v1/chat/completions",
  headers: ["content-type", "application/json"],
  body: Buffer.from(JSON.stringify({ model, messages: [] })),
});
const get = (url: string): ImaginedRequest => ({ method: "GET", url, headers: [] });

const explained = (request: ImaginedRequest, facts = factsWith()) =>
  explain({ chain: chainOf(pki.client), tls: "not-asked" }, request, facts);
const marks = ({ stages }: Explanation) => stages.map(({ stage, outcome }) => `${stage}: ${outcome}`);
const lastDetail = ({ stages }: Explanation) => stages.at(-1)?.trace.at(-1)?.detail;

describe("explain", () => {
  it("shows four stages that pass for a request that would be forwarded", () => {
    const explanation = explained(chat("gpt-4o"));
    expect(marks(explanation)).toEqual(["caller: pass", "target: pass", "grant: pass", "backend: pass"]);
    expect(explanation.denied).toBeUndefined();
    expect(lastDetail(explanation)).toBe("forwarded to backend reserved (as gpt-4o-ptu), else sweden");
  });

  it("tells of a deployment that lives nowhere", () => {
    expect(lastDetail(explained(chat("homeless")))).toBe("forwarded to backend (none)");
  });

  it("tells what the gateway answers itself", () => {
    expect(lastDetail(explained(get("/openai/v1/models")))).toBe("the gateway answers itself");
  });

  it("tells where a request goes that names stored objects, and that it did not look up whose they are", () => {
    expect(lastDetail(explained(get("/openai/v1/responses/resp_1")))).toBe(
      "forwarded to where the objects lie, if all that it names is this client's (not looked up)",
    );
    const body = { model: "gpt-4o", input: "x", previous_response_id: "resp_1" };
    const goingOn = {
      ...chat("gpt-4o"),
      url: "/openai/v1/responses",
      body: Buffer.from(JSON.stringify(body)),
    };
    expect(lastDetail(explained(goingOn))).toContain("else sweden, if all");
  });

  it("stops at the backend when a list would show others' objects", () => {
    const explanation = explained(get("/openai/v1/files"));
    expect(marks(explanation)).toEqual(["caller: pass", "target: pass", "grant: pass", "backend: fail"]);
    expect(explanation.denied?.code).toBe("operation_not_permitted");
  });

  it("stops at the caller when the chain is denied", () => {
    const explanation = explained(chat("gpt-4o"), factsWith(trustFactsOf(pki, { crls: [] })));
    expect(marks(explanation)).toEqual([
      "caller: fail",
      "target: not reached",
      "grant: not reached",
      "backend: not reached",
    ]);
    expect(explanation.denied?.code).toBe("revocation_unavailable");
  });

  it("stops at the caller when no certificate is presented", () => {
    const explanation = explain({ chain: undefined, tls: "not-asked" }, chat("gpt-4o"), factsWith());
    expect(explanation.denied?.code).toBe("client_certificate_missing");
  });

  it("stops at the target when the head is malformed", () => {
    const explanation = explained({ ...chat("gpt-4o"), headers: [] });
    expect(marks(explanation).slice(0, 2)).toEqual(["caller: pass", "target: fail"]);
    expect(explanation.denied?.code).toBe("request_malformed");
  });

  it("stops at the target when the body is missing where one is needed", () => {
    const explanation = explained({
      method: "POST",
      url: "/openai/v1/chat/completions",
      headers: ["content-type", "application/json"],
    });
    expect(marks(explanation)).toContain("target: fail");
    expect(explanation.denied?.code).toBe("request_malformed");
  });

  it("shows the head's steps and the body's in the target's trace", () => {
    const [, target] = explained(chat("gpt-4o")).stages;
    expect(target?.trace.map(({ check }) => check)).toEqual(["operation", "target"]);
  });

  it("stops at the grant when the deployment is not granted", () => {
    const explanation = explained(chat("gpt-5"));
    expect(marks(explanation)).toEqual([
      "caller: pass",
      "target: pass",
      "grant: fail",
      "backend: not reached",
    ]);
    expect(explanation.denied?.code).toBe("deployment_not_permitted");
  });
});

describe("explain on a pass-through route", () => {
  it("shows the grant before the target, as the lane decides", () => {
    const explanation = explained(get("/erp/orders?id=7"));
    expect(marks(explanation)).toEqual(["caller: pass", "grant: pass", "target: pass", "backend: pass"]);
    expect(lastDetail(explanation)).toBe("passed through to backend erp-app as /orders?id=7");
  });

  it("stops at the grant when the route is not granted", () => {
    const explanation = explained(get("/hr/people"));
    expect(marks(explanation)).toEqual([
      "caller: pass",
      "grant: fail",
      "target: not reached",
      "backend: not reached",
    ]);
    expect(explanation.denied?.code).toBe("operation_not_permitted");
  });

  it("stops at the target when the path leads out of the route", () => {
    const explanation = explained(get("/erp/../hr/people"));
    expect(marks(explanation)).toContain("target: fail");
    expect(explanation.denied?.code).toBe("request_malformed");
  });
});
