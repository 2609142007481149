import { describe, expect, it } from "vitest";
import type { ClientOptions, GrantOptions } from "../../../src/model/client-options.ts";
import { operationGroups } from "../../../src/model/operation-group.ts";
import type { Target } from "../../../src/model/target.ts";
import { type ClientEntry, createRightsCompiler } from "../../../src/policy/client-entry.ts";
import { decide, decideRoute } from "../../../src/policy/decide.ts";
import { operations } from "../../../src/target/operations.ts";

/** Monday 1 June 2026, 12:00 UTC. */
const noon = Date.UTC(2026, 5, 1, 12);
const here = { at: noon, remoteAddress: "10.20.3.4" };

function entryOf(
  options: Omit<ClientOptions, "name">,
  roles: Readonly<Record<string, GrantOptions>> = {},
): ClientEntry {
  const compiler = createRightsCompiler({ deployments: ["gpt-4o", "embed", "secret"], roles });
  return { name: "robot", rights: compiler.compile(options) };
}
const entry = entryOf({ deployments: ["gpt-4o", "embed"], routes: ["erp"] });
const target = (...deployments: string[]): Target => ({
  operation: "chat-completions",
  group: "inference",
  deployments,
  objects: [],
  path: "/openai/v1/chat/completions",
  query: "",
  headers: [],
  stream: false,
  retryable: true,
});
const noDeployment = { allowed: false, code: "deployment_not_permitted" };
const noOperation = { allowed: false, code: "operation_not_permitted" };

describe("decide", () => {
  it("grants a deployment that the client has", () => {
    const verdict = decide(entry, target("gpt-4o"), here);
    expect(verdict).toMatchObject({ allowed: true, value: { client: "robot", deployment: "gpt-4o" } });
    expect(verdict.allowed && verdict.value.target).toEqual(target("gpt-4o"));
    expect(verdict.trace).toMatchObject([{ check: "policy", outcome: "pass" }]);
  });

  it.each(["gpt-4", "GPT-4o", "gpt-4o ", "gpt-4o\u0000", "", "*", "constructor", "__proto__"])(
    "denies %j: names compare exactly",
    (name) => {
      expect(decide(entry, target(name), here)).toMatchObject(noDeployment);
    },
  );

  it.each([[["gpt-4o", "secret"]], [["secret", "gpt-4o"]]])(
    "denies a request that names one deployment too many, wherever it stands: %j",
    (names) => {
      expect(decide(entry, target(...names), here)).toMatchObject(noDeployment);
    },
  );

  it("grants a request whose deployments are all granted, and keeps the first as the one that leads", () => {
    expect(decide(entry, target("gpt-4o", "embed"), here)).toMatchObject({
      allowed: true,
      value: { deployment: "gpt-4o" },
    });
  });

  it("denies an operation that should name a deployment and names none", () => {
    expect(decide(entry, target(), here)).toMatchObject(noDeployment);
  });

  it("denies an operation of a group that the client does not have", () => {
    const files: Target = { ...target("gpt-4o"), operation: "files-create", group: "files" };
    expect(decide(entry, files, here)).toMatchObject(noOperation);
  });

  it("grants the list of models, which names none, to a client with no deployment too", () => {
    const verdict = decide(entryOf({ routes: ["erp"] }), { ...target(), operation: "models" }, here);
    expect(verdict).toMatchObject({ allowed: true });
    expect(verdict.allowed && Object.hasOwn(verdict.value, "deployment")).toBe(false);
  });

  it("denies the list of models when it names a deployment after all", () => {
    expect(decide(entry, { ...target("gpt-4o"), operation: "models" }, here).allowed).toBe(false);
  });

  it("answers alike for a deployment that exists and one that does not", () => {
    const denial = (name: string) => JSON.stringify(decide(entry, target(name), here)).replaceAll(name, "X");
    expect(denial("secret")).toBe(denial("nowhere"));
  });

  it("quotes the caller's own name without control characters and bounded", () => {
    const verdict = decide(entry, target(`a\n"\u202e${"x".repeat(500)}`), here);
    const detail = verdict.allowed ? "" : verdict.detail;
    expect(detail).toMatch(/^[\x20-\x7e]{1,140}$/);
    expect(detail.match(/"/g)).toHaveLength(2);
  });

  it.each(
    operations
      .filter(({ deployment }) => ["path", "body", "query"].includes(deployment))
      .filter(({ name }) => name !== "batches-create"),
  )("asks for a deployment where the table of operations finds one: $name at $path", (operation) => {
    const all = entryOf({ deployments: ["*"], operations: [...operationGroups] });
    const none: Target = { ...target(), operation: operation.name, group: operation.group };
    expect(decide(all, none, here)).toMatchObject(noDeployment);
  });

  it("asks for the deployment of a key with which its client goes past the gateway", () => {
    const all = entryOf({ deployments: ["*"], operations: ["admin"] });
    const secret: Target = { ...target(), operation: "realtime-client-secrets", group: "admin" };
    expect(decide(all, secret, here)).toMatchObject(noDeployment);
    expect(decide(all, { ...secret, deployments: ["gpt-4o"] }, here)).toMatchObject({ allowed: true });
  });

  it("asks for none at the upgrade whose messages name them, but for the group", () => {
    const upgrade: Target = { ...target(), operation: "responses-socket", group: "inference" };
    expect(decide(entry, upgrade, here)).toMatchObject({ allowed: true });
    const others = entryOf({ deployments: ["gpt-4o"], operations: ["files"] });
    expect(decide(others, upgrade, here)).toMatchObject(noOperation);
  });
});

describe("grants of deployments", () => {
  it.each([{}, { deployments: [] }, { deployments: undefined }])("grant nothing where they are %j", (own) => {
    expect(decide(entryOf(own), target("gpt-4o"), here)).toMatchObject(noDeployment);
  });

  it("are every deployment of the configuration, and no other, for * alone", () => {
    const all = entryOf({ deployments: ["*"] });
    expect(decide(all, target("secret"), here).allowed).toBe(true);
    expect(decide(all, target("nowhere"), here)).toMatchObject(noDeployment);
    expect(decide(all, target("*"), here)).toMatchObject(noDeployment);
  });

  it("are not compiled where * stands beside a name", () => {
    expect(() => entryOf({ deployments: ["gpt-4o", "*"] })).toThrow(/\*/);
  });

  it("grant nothing under a name that the configuration does not know", () => {
    expect(decide(entryOf({ deployments: ["nowhere"] }), target("nowhere"), here)).toMatchObject(
      noDeployment,
    );
  });
});

describe("grants of operations", () => {
  it("are inference where none are named", () => {
    expect(decide(entry, target("gpt-4o"), here).allowed).toBe(true);
  });

  it("name a group for what names no deployment", () => {
    const list: Target = { ...target(), operation: "graders-validate", group: "fine-tuning" };
    expect(decide(entryOf({ operations: ["fine-tuning"] }), list, here).allowed).toBe(true);
    expect(decide(entry, list, here)).toMatchObject(noOperation);
  });

  it.each([{ operations: [] }, { operations: ["files" as const] }])(
    "do not hold inference where they are %j",
    (own) => {
      expect(decide(entryOf({ deployments: ["gpt-4o"], ...own }), target("gpt-4o"), here)).toMatchObject(
        noOperation,
      );
    },
  );
});

describe("roles", () => {
  it("grant what they hold, beside what the client has of its own", () => {
    const both = entryOf({ deployments: ["embed"], roles: ["chat"] }, { chat: { deployments: ["gpt-4o"] } });
    expect(decide(both, target("gpt-4o", "embed"), here).allowed).toBe(true);
    expect([...both.rights.deployments].toSorted()).toEqual(["embed", "gpt-4o"]);
  });

  it("do not lend each other their operations", () => {
    const both = entryOf(
      { roles: ["reads", "chats"] },
      {
        reads: { deployments: ["secret"], operations: ["files"] },
        chats: { deployments: ["gpt-4o"], operations: ["inference"] },
      },
    );
    expect(decide(both, target("gpt-4o"), here).allowed).toBe(true);
    expect(decide(both, target("secret"), here)).toMatchObject(noDeployment);
  });

  it("are narrowed by the client's own limits", () => {
    const bound = entryOf(
      { roles: ["chat"], sourceNetworks: ["192.0.2.0/24"] },
      { chat: { deployments: ["gpt-4o"] } },
    );
    expect(decide(bound, target("gpt-4o"), here)).toMatchObject(noOperation);
  });

  it("narrow nothing but themselves by their own limits", () => {
    const roles = { away: { deployments: ["embed"], sourceNetworks: ["192.0.2.0/24"] } };
    const both = entryOf({ deployments: ["gpt-4o"], roles: ["away"] }, roles);
    expect(decide(both, target("gpt-4o"), here).allowed).toBe(true);
    expect(decide(both, target("embed"), here)).toMatchObject(noOperation);
  });

  it("are not widened by a client that has nothing of its own: what names no deployment keeps to their limits", () => {
    const roles = {
      night: {
        deployments: ["gpt-4o"],
        hours: [{ days: ["mon"], from: "22:00", to: "23:00", timeZone: "UTC" }],
      },
    } as const;
    const night = Date.UTC(2026, 5, 1, 22, 30);
    const get = {
      ...target(),
      operation: "responses-get",
      objects: [{ kind: "response", id: "r" }],
    } as const;
    const socket: Target = { ...target(), operation: "responses-socket" };
    for (const own of [{}, { routes: ["erp"] }, { deployments: [] }])
      for (const asked of [get, socket]) {
        const client = entryOf({ roles: ["night"], ...own }, roles);
        expect(decide(client, asked, here)).toMatchObject(noOperation);
        expect(decide(client, asked, { ...here, at: night }).allowed).toBe(true);
      }
    const files = entryOf(
      { roles: ["keeps"] },
      { keeps: { deployments: ["gpt-4o"], operations: ["files"] } },
    );
    expect(decide(files, socket, here)).toMatchObject(noOperation);
  });

  it("are not compiled where one is not defined", () => {
    expect(() => entryOf({ roles: ["nobody"] })).toThrow(/nobody/);
  });
});

describe("limits", () => {
  const limited = (limits: GrantOptions) => entryOf({ deployments: ["gpt-4o"], routes: ["erp"], ...limits });
  const asked = (limits: GrantOptions, circumstances = here, query = "") =>
    decide(limited(limits), { ...target("gpt-4o"), query }, circumstances);
  const askedDated = (limits: GrantOptions, query: string) =>
    decide(limited(limits), { ...target("gpt-4o"), path: "/models/chat/completions", query }, here);

  it.each(["10.20.3.4", "::ffff:10.20.3.4"])("let %s in where its network is listed", (remoteAddress) => {
    expect(asked({ sourceNetworks: ["10.20.0.0/16"] }, { at: noon, remoteAddress }).allowed).toBe(true);
  });

  it.each(["10.21.0.1", "2001:db8::1", "not an address"])(
    "keep %s out of other networks",
    (remoteAddress) => {
      expect(asked({ sourceNetworks: ["10.20.0.0/16"] }, { at: noon, remoteAddress })).toMatchObject(
        noOperation,
      );
    },
  );

  it("keep out a caller whose address is not known", () => {
    expect(decide(limited({ sourceNetworks: ["0.0.0.0/0"] }), target("gpt-4o"), { at: noon })).toMatchObject(
      noOperation,
    );
  });

  it.each([{ sourceNetworks: [] }, { hours: [] }, { apiVersions: [] }])(
    "let nobody in where the list is empty: %j",
    (limits) => {
      expect(asked(limits)).toMatchObject(noOperation);
    },
  );

  it("take the instant from the circumstances", () => {
    const hours = [{ days: ["mon" as const], from: "12:00", to: "13:00", timeZone: "UTC" }];
    expect(asked({ hours }).allowed).toBe(true);
    expect(asked({ hours }, { ...here, at: noon - 1 })).toMatchObject(noOperation);
  });

  it.each([
    ["api-version=2024-10-21", true],
    ["a=b&api-version=2024-10-21", true],
    ["api-version=2024-10-21-preview", false],
    ["my-api-version=2024-10-21", false],
    ["", false],
  ])("compare the API version of %j exactly", (query, allowed) => {
    expect(askedDated({ apiVersions: ["2024-10-21"] }, query).allowed).toBe(allowed);
  });

  it("do not take a v1 request for one of a date that it also names: v1 answers it all the same", () => {
    const query = "api-version=2024-10-21";
    expect(asked({ apiVersions: ["2024-10-21"] }, here, query)).toMatchObject(noOperation);
    expect(asked({ apiVersions: ["v1"] }, here, query)).toMatchObject(noOperation);
    expect(asked({ apiVersions: ["v1", "2024-10-21"] }, here, query).allowed).toBe(true);
    expect(asked({ apiVersions: ["preview"] }, here, "api-version=preview").allowed).toBe(true);
  });

  it("know a v1 request without a version as v1", () => {
    expect(asked({ apiVersions: ["v1"] }).allowed).toBe(true);
    expect(asked({ apiVersions: ["v1"] }, here, "api-version=preview")).toMatchObject(noOperation);
  });

  it("hold for the list of models and for routes too", () => {
    const away = limited({ sourceNetworks: ["192.0.2.0/24"] });
    expect(decide(away, { ...target(), operation: "models" }, here)).toMatchObject(noOperation);
    expect(decideRoute(away, "erp", here)).toMatchObject(noOperation);
  });
});

describe("decideRoute", () => {
  it("grants a route that the client has", () => {
    expect(decideRoute(entry, "erp", here)).toMatchObject({
      allowed: true,
      value: { client: "robot", route: "erp" },
    });
  });

  it("grants a route that a role has", () => {
    expect(
      decideRoute(entryOf({ roles: ["line"] }, { line: { routes: ["erp"] } }), "erp", here).allowed,
    ).toBe(true);
  });

  it.each(["crm", "ERP", "", "constructor"])("denies %j", (route) => {
    expect(decideRoute(entry, route, here)).toMatchObject(noOperation);
  });
});
