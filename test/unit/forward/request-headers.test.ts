import { describe, expect, it } from "vitest";
import { requestHeaders } from "../../../src/forward/request-headers.ts";

const build = (client: readonly string[]) => requestHeaders(client, "id-1");
const names = (headers: readonly string[]) => headers.filter((_, at) => at % 2 === 0);

describe("requestHeaders", () => {
  it("passes what describes the content and the client library", () => {
    const client = [
      "Content-Type",
      "application/json",
      "Accept",
      "text/event-stream",
      "X-Stainless-Lang",
      "js",
    ];
    expect(build(client).slice(0, 6)).toEqual([
      "content-type",
      "application/json",
      "accept",
      "text/event-stream",
      "x-stainless-lang",
      "js",
    ]);
  });

  it("passes how fast and how dear a model of Bedrock's is to answer", () => {
    const client = [
      "X-Amzn-Bedrock-PerformanceConfig-Latency",
      "optimized",
      "x-amzn-bedrock-service-tier",
      "flex",
    ];
    expect(names(build(client)).slice(0, 2)).toEqual([
      "x-amzn-bedrock-performanceconfig-latency",
      "x-amzn-bedrock-service-tier",
    ]);
  });

  it("ends with the gateway's own request id", () => {
    expect(build([])).toEqual(["x-certgate-request-id", "id-1"]);
  });

  it.each([
    "Idempotency-Key",
    "Authorization",
    "api-key",
    "Ocp-Apim-Subscription-Key",
    "Cookie",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Connection",
    "Keep-Alive",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Upgrade",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Original-URL",
    "X-HTTP-Method-Override",
    "x-ms-oai-image-generation-deployment",
    "azureml-model-deployment",
    "extra-parameters",
    "x-ms-client-principal",
    "x-amz-date",
    "X-Amz-Security-Token",
    "x-amz-user-agent",
    "amz-sdk-invocation-id",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-trace",
    "x-certgate-request-id",
    "X-Anything-Unheard-Of",
  ])("withholds a client's %s", (name) => {
    expect(names(build([name, "client"])).map((header) => header.toLowerCase())).toEqual([
      "x-certgate-request-id",
    ]);
    expect(build([name, "client"])).not.toContain("client");
  });

  it("withholds an allowed header that Connection names as hop-by-hop", () => {
    expect(build(["Connection", "keep-alive, X-Request-Id", "x-request-id", "abc"])).not.toContain("abc");
  });

  it("keeps the type of the body, also when Connection names it", () => {
    const built = build(["Connection", "content-type", "Content-Type", "application/json"]);
    expect(built).toContain("application/json");
  });
});
