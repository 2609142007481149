import { describe, expect, it } from "vitest";
import type { Target } from "../../../src/model/target.ts";
import type { ClientEntry } from "../../../src/policy/client-map.ts";
import { decide, decideRoute } from "../../../src/policy/decide.ts";
import { operations } from "../../../src/target/operations.ts";

const entry: ClientEntry = {
  name: "robot",
  deployments: new Set(["gpt-4o", "embed"]),
  routes: new Set(["erp"]),
};
const target = (...deployments: string[]): Target => ({
  operation: "chat-completions",
  deployments,
  path: "/openai/v1/chat/completions",
  query: "",
  stream: false,
});

describe("decide", () => {
  it("grants a deployment that the client has", () => {
    const verdict = decide(entry, target("gpt-4o"));
    expect(verdict).toMatchObject({ allowed: true, value: { client: "robot", deployment: "gpt-4o" } });
    expect(verdict.allowed && verdict.value.target).toEqual(target("gpt-4o"));
    expect(verdict.trace).toMatchObject([{ check: "policy", outcome: "pass" }]);
  });

  it.each(["gpt-4", "GPT-4o", "gpt-4o ", "gpt-4o\u0000", "", "*", "constructor", "__proto__"])(
    "denies %j: names compare exactly",
    (name) => {
      expect(decide(entry, target(name))).toMatchObject({ allowed: false, code: "deployment_not_permitted" });
    },
  );

  it("denies a request that names one deployment too many, wherever it stands", () => {
    for (const names of [
      ["gpt-4o", "other"],
      ["other", "gpt-4o"],
    ])
      expect(decide(entry, target(...names))).toMatchObject({
        allowed: false,
        code: "deployment_not_permitted",
      });
  });

  it("grants a request whose deployments are all granted, and keeps the first as the one that leads", () => {
    expect(decide(entry, target("gpt-4o", "embed"))).toMatchObject({
      allowed: true,
      value: { deployment: "gpt-4o" },
    });
  });

  it("denies an operation that should name a deployment and names none", () => {
    expect(decide(entry, target())).toMatchObject({ allowed: false, code: "deployment_not_permitted" });
  });

  it("denies an operation that it never heard of when it names no deployment", () => {
    expect(decide(entry, { ...target(), operation: "files" })).toMatchObject({ allowed: false });
  });

  it("grants the list of models, which names none, to a client with no deployment too", () => {
    const none: ClientEntry = { ...entry, deployments: new Set() };
    const verdict = decide(none, { ...target(), operation: "models" });
    expect(verdict).toMatchObject({ allowed: true });
    expect(verdict.allowed && Object.hasOwn(verdict.value, "deployment")).toBe(false);
  });

  it("denies the list of models when it names a deployment after all", () => {
    expect(decide(entry, { ...target("gpt-4o"), operation: "models" })).toMatchObject({ allowed: false });
  });

  it("quotes the caller's own name without control characters and bounded", () => {
    const verdict = decide(entry, target(`a\n"\u202e${"x".repeat(500)}`));
    const detail = verdict.allowed ? "" : verdict.detail;
    expect(detail).toMatch(/^[\x20-\x7e]{1,140}$/);
    expect(detail.match(/"/g)).toHaveLength(2);
  });

  it("thinks of exactly those operations as naming none that the table does", () => {
    for (const { name, deployment } of operations)
      expect([name, decide(entry, { ...target(), operation: name }).allowed]).toEqual([
        name,
        deployment === "none",
      ]);
  });
});

describe("decideRoute", () => {
  it("grants a route that the client has", () => {
    expect(decideRoute(entry, "erp")).toMatchObject({
      allowed: true,
      value: { client: "robot", route: "erp" },
    });
  });

  it.each(["crm", "ERP", "", "constructor"])("denies %j", (route) => {
    expect(decideRoute(entry, route)).toMatchObject({ allowed: false, code: "operation_not_permitted" });
  });
});
