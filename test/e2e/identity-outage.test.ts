import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

// The identity endpoint is dead from the start: a token cached by the SDK from an earlier test would hide that.
let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure: (_config, azure) => azure.managedIdentity.faults.always({ kind: "hang" }),
  });
});
afterAll(() => world.stop());

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
};
const readyItem = async (name: string) => {
  const answer = await world.admin("/readyz");
  const { items } = (await answer.json()) as { items: { name: string; ok: boolean; detail?: string }[] };
  return { status: answer.status, item: items.find((item) => item.name.includes(name)) };
};

describe("a dead identity endpoint", () => {
  it("ends the wait of a client that leaves", async () => {
    const { client, root } = world.pki;
    const request = httpsRequest({
      host: "localhost",
      port: world.certgate.port,
      ca: root.pem,
      cert: client.chainPem,
      key: client.keyPem,
      agent: false,
      method: "POST",
      path: question.path,
      headers: { "content-type": "application/json" },
    });
    request.on("error", () => {});
    request.end(JSON.stringify(question.body));
    await once(request, "finish");
    // The metadata of the connection is logged once it is over; nothing else ends this exchange.
    setTimeout(() => request.destroy(), 200);
    await expect
      .poll(async () => (await world.log()).some(({ msg, status }) => msg === "request" && status === 499))
      .toBe(true);
  });

  it("is a 503 with its reason, the mend in the log and in /readyz, and heals by itself", async () => {
    world.azure.managedIdentity.faults.clear();
    world.azure.managedIdentity.faults.always({ kind: "answer", status: 500, body: { error: "broken" } });
    await expect
      .poll(async () => (await world.ask(question)).headers["x-certgate-reason"], { timeout: 20_000 })
      .toBe("credential_unavailable");
    const refused = await world.ask(question);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    const { status, item } = await readyItem("credential gateway");
    expect(status).toBe(503);
    expect(item).toMatchObject({ ok: false });
    expect(item?.detail).toMatch(/no answer|identity/i);

    world.azure.managedIdentity.faults.clear();
    await expect.poll(async () => (await world.ask(question)).status, { timeout: 20_000 }).toBe(200);
    expect((await readyItem("credential gateway")).item).toMatchObject({ ok: true });
  });

  it("does not matter while the token is valid", async () => {
    world.azure.managedIdentity.faults.always({ kind: "reset" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.ask(question)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  });
});
