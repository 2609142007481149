import { afterAll, beforeAll, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import type { Answer } from "../support/ask.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let second: IssuedCertificate;
let third: IssuedCertificate;
beforeAll(async () => {
  const pki = await createTestPki();
  second = await pki.intermediate.issue({ subject: "CN=device-2" });
  third = await pki.intermediate.issue({ subject: "CN=device-3" });
  world = await startWorld({
    pki,
    configure(config) {
      config["deployments"]["gpt-secret"] = { backend: "main" };
      config["roles"] = { chats: { deployments: ["gpt-other"] } };
      config["clients"]["device-2"] = {
        thumbprints: [second.thumbprint],
        deployments: ["gpt-test"],
        roles: ["chats"],
        apiVersions: ["v1"],
      };
      config["clients"]["device-3"] = {
        thumbprints: [third.thumbprint],
        deployments: ["gpt-other"],
        operations: ["files"],
      };
    },
  });
});
afterAll(() => world.stop());

const lists = ["/openai/v1/models", "/openai/models?api-version=2024-10-21"];
const namesIn = ({ json }: Answer): string[] => json.data.map(({ id }: { id: string }) => id);

it("the list of models holds the caller's own deployments, and no backend is asked", async () => {
  const before = world.azure.openAi.requests.count;
  for (const path of lists) {
    const answer = await world.ask({ path });
    expect([answer.status, answer.headers["x-certgate-answered-by"]]).toEqual([200, "gateway"]);
    expect(answer.json).toMatchObject({ object: "list", data: [{ id: "gpt-test", object: "model" }] });
    expect(namesIn(answer)).toEqual(["gpt-test"]);
  }
  expect(namesIn(await world.ask({ path: lists[0]! }, second))).toEqual(["gpt-other", "gpt-test"]);
  expect(namesIn(await world.ask({ path: lists[0]! }, third))).toEqual(["gpt-other"]);
  expect(world.azure.openAi.requests.count).toBe(before);
});

it("one model is the caller's own; another's is refused like one that does not exist", async () => {
  const asked = async (name: string, client = world.pki.client) => {
    const { status, headers, text } = await world.ask({ path: `/openai/v1/models/${name}` }, client);
    const said = text.replaceAll(name, "NAME").replace(/"request_id":"[^"]*"/, "");
    return { status, reason: headers["x-certgate-reason"], said };
  };
  expect(await asked("gpt-test")).toMatchObject({ status: 200 });
  expect(await asked("gpt-other", second)).toMatchObject({ status: 200 });
  const secret = await asked("gpt-secret");
  expect(secret).toMatchObject({ status: 403, reason: "deployment_not_permitted" });
  expect(secret.said).not.toContain("gpt-test");
  expect(await asked("gpt-nowhere")).toEqual(secret);
  expect(await asked("gpt-test", third)).toMatchObject({ status: 403, reason: "operation_not_permitted" });
});

it("a client that is bound to API versions may use those and no others", async () => {
  const body = { messages: [{ role: "user", content: "x" }] };
  const asked = async (path: string) => {
    const { status, headers } = await world.ask({ path, body: { ...body, model: "gpt-test" } }, second);
    return [status, headers["x-certgate-reason"]];
  };
  const refused = [403, "operation_not_permitted"];
  expect(await asked("/openai/v1/chat/completions")).toEqual([200, undefined]);
  expect(await asked("/openai/v1/chat/completions?api-version=v1")).toEqual([200, undefined]);
  expect(await asked("/openai/v1/chat/completions?api-version=preview")).toEqual(refused);
  expect(await asked("/openai/v1/chat/completions?api-version=2024-10-21")).toEqual(refused);
  const classic = "/openai/deployments/gpt-test/chat/completions?api-version=";
  expect(await asked(`${classic}2024-10-21`)).toEqual(refused);
  expect(await asked(`${classic}v1`)).toEqual([200, undefined]);
  expect((await world.ask({ path: lists[1]! }, second)).status).toBe(403);
});
