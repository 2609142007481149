import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOpenAi, type LocalOpenAi } from "../../src/dev/azure/openai/server.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { begin } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let second: TestPki;
let other: LocalOpenAi;
let late: IssuedCertificate;

beforeAll(async () => {
  pki = await createTestPki();
  second = await createTestPki("Second");
  late = await pki.intermediate.issue({ subject: "CN=late" });
  world = await startWorld({
    pki,
    files: {
      "second-root.pem": second.root.pem,
      "second-root.crl": second.rootCrl.pem,
      "second-intermediate.crl": second.intermediateCrl.pem,
      "second-server.pem": second.server.chainPem,
      "second-server.key": second.server.keyPem,
      "reload.token": "a token of good length\n",
    },
    configure(config, azure) {
      azure.keyVault.contents.setSecret("device-roots", { value: pki.root.pem });
      config["keyVaults"] = {
        main: {
          url: azure.keyVault.url,
          credential: "gateway",
          caFile: "root.pem",
          verifyChallengeResource: false,
        },
      };
      config["trust"].anchors = [{ keyVault: "main", secret: "device-roots" }];
      config["admin"].tokenFile = "reload.token";
    },
  });
  other = await startOpenAi({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    tokens: world.azure.tokens,
    deployments: { "gpt-test": "gpt-4o" },
  });
});
afterAll(async () => {
  await world.stop();
  await other.stop();
});

const models = { path: "/openai/v1/models" };
const chat = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "hello" }] },
};

/** A stream under way that ends only when somebody ends it. */
async function stream(client = pki.client): Promise<{ answer: IncomingMessage; cut: Promise<unknown> }> {
  world.azure.openAi.setPace({ bytes: 1_000_000_000, chunkBytes: 100, intervalMs: 20 });
  const answer = await begin(
    { port: world.certgate.port, ca: pki.root.pem, client },
    { ...chat, body: { ...chat.body, stream: true } },
  );
  expect(answer.statusCode).toBe(200);
  await once(answer, "data");
  world.azure.openAi.setPace({});
  answer.resume();
  return { answer, cut: new Promise((resolve) => answer.once("close", resolve).once("error", () => {})) };
}

const configurationItem = async () => {
  const { items } = (await (await world.admin("/readyz")).json()) as {
    items: { name: string; ok: boolean; detail: string }[];
  };
  return items.find(({ name }) => name === "configuration");
};
const servedCertificate = async (ca: string) => {
  const socket = connect({ host: "localhost", port: world.certgate.port, ca });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256.replaceAll(":", "").toLowerCase();
};

describe("a reload", () => {
  it("lets in a client that was added, while streams go on", async () => {
    expect((await world.ask(models, late)).headers["x-certgate-reason"]).toBe("client_unknown");
    const { answer } = await stream();
    const { outcome } = await world.reconfigure((config) => {
      config["clients"].late = { thumbprints: [late.thumbprint], deployments: ["gpt-test"] };
    });
    expect(outcome).toBe("applied");
    expect((await world.ask(models, late)).status).toBe(200);
    await once(answer, "data");
    answer.destroy();
  });

  it("is refused as a whole when anything is wrong, and the one before serves on", async () => {
    const before = await configurationItem();
    const refused = await world.reconfigure((config) => {
      delete config["clients"].late;
      config["backends"].main.credential = "nobody";
    });
    expect(refused).toMatchObject({
      outcome: "refused",
      reason: expect.stringMatching(/backends\.main\.credential/),
    });
    expect((await world.ask(chat, late)).status).toBe(200);
    const item = await configurationItem();
    expect(item?.ok).toBe(true);
    expect(item?.detail).toMatch(/was refused: .*backends\.main\.credential/s);
    expect(item?.detail.slice(0, 60)).toBe(before?.detail.slice(0, 60));
    expect(await (await world.admin("/metrics")).text()).toMatch(
      /certgate_configuration_reloads_total\{outcome="refused"\} 1/,
    );
    const mended = await world.reconfigure((config) => {
      config["clients"].late = { thumbprints: [late.thumbprint], deployments: ["gpt-test"] };
      config["backends"].main.credential = "gateway";
    });
    expect(mended.outcome).toBe("unchanged");
    expect((await configurationItem())?.detail).not.toMatch(/refused/);
  });

  it("cuts the stream of a client whose grant was narrowed, and no other", async () => {
    const narrowed = await stream(late);
    const kept = await stream();
    await world.reconfigure((config) => {
      config["clients"].late.deployments = ["gpt-other"];
    });
    await narrowed.cut;
    await once(kept.answer, "data");
    kept.answer.destroy();
    expect((await world.ask(chat, late)).headers["x-certgate-reason"]).toBe("deployment_not_permitted");
  });

  it("keeps the roots that the vault gave while it is dead and a client changes", async () => {
    world.azure.keyVault.faults.always({ kind: "reset" });
    const { outcome } = await world.reconfigure((config) => {
      config["clients"].late.deployments = ["gpt-test"];
    });
    expect(outcome).toBe("applied");
    expect((await world.ask(chat, late)).status).toBe(200);
    world.azure.keyVault.faults.clear();
  });

  it("does not give up roots that work for a source that never answered", async () => {
    const outcome = await world.reconfigure((config) => {
      config["trust"].anchors = [{ keyVault: "main", secret: "no-such-secret" }];
    });
    expect(outcome).toMatchObject({ outcome: "refused", reason: expect.stringMatching(/no-such-secret/) });
    expect((await world.ask(models)).status).toBe(200);
    await world.reconfigure((config) => {
      config["trust"].anchors = [{ keyVault: "main", secret: "device-roots" }];
    });
  });

  it("sends new requests to another backend, and lets those under way end at the old one", async () => {
    world.azure.openAi.setPace({ bytes: 20_000, chunkBytes: 100, intervalMs: 10 });
    const arrived = world.azure.openAi.requests.next();
    const under = world.ask({ ...chat, body: { ...chat.body, stream: true } });
    await arrived;
    const { outcome } = await world.reconfigure((config) => {
      config["backends"].main.endpoint = other.url;
    });
    expect(outcome).toBe("applied");
    expect((await world.ask(chat)).status).toBe(200);
    expect(other.requests.all).toHaveLength(1);
    const whole = await under;
    expect(whole.status).toBe(200);
    expect(whole.text).toMatch(/\[DONE\]\s*$/);
  });

  it("serves another certificate of its own", async () => {
    expect(await servedCertificate(pki.root.pem)).toBe(pki.server.thumbprint);
    await world.reconfigure((config) => {
      config["listen"].certificate = { file: "second-server.pem", keyFile: "second-server.key" };
    });
    expect(await servedCertificate(second.root.pem)).toBe(second.server.thumbprint);
    await world.reconfigure((config) => {
      config["listen"].certificate = { file: "server.pem", keyFile: "server.key" };
    });
  });

  it("takes in a second root, and cuts the clients of the first when that leaves", async () => {
    await world.reconfigure((config) => {
      config["trust"].anchors = [{ file: "root.pem" }, { file: "second-root.pem" }];
      config["trust"].revocation.crls = [
        "root.crl",
        "intermediate.crl",
        "second-root.crl",
        "second-intermediate.crl",
      ].map((file) => ({ file }));
      config["clients"].guest = { thumbprints: [second.client.thumbprint], deployments: ["gpt-test"] };
    });
    expect((await world.ask(models, second.client)).status).toBe(200);
    expect((await world.ask(models)).status).toBe(200);
    await world.reconfigure((config) => {
      config["trust"].anchors = [{ file: "second-root.pem" }];
    });
    expect((await world.ask(models, second.client)).status).toBe(200);
    expect((await world.ask(models)).headers["x-certgate-reason"]).toBe("client_certificate_untrusted");
    await world.reconfigure((config) => {
      config["trust"].anchors = [{ file: "root.pem" }, { file: "second-root.pem" }];
    });
    expect((await world.ask(models)).status).toBe(200);
  });

  it("does not move the gateway to another port", async () => {
    const outcome = await world.reconfigure((config) => {
      config["listen"].port = 1;
    });
    expect(outcome).toMatchObject({
      outcome: "refused",
      reason: expect.stringMatching(/listen\.port.*restart/),
    });
    await world.reconfigure((config) => {
      config["listen"].port = 0;
    });
  });

  it("does not leave the admin port open to a token whose file the configuration does not name any more", async () => {
    let tokenFile: unknown;
    const outcome = await world.reconfigure((config) => {
      ({ tokenFile } = config["admin"]);
      delete config["admin"].tokenFile;
    });
    expect(outcome).toMatchObject({
      outcome: "refused",
      reason: expect.stringMatching(/admin\.tokenFile.*restart/),
    });
    await world.reconfigure((config) => {
      config["admin"].tokenFile = tokenFile;
    });
  });

  it("changes how much is logged", async () => {
    await world.reconfigure((config) => {
      config["log"].level = "error";
    });
    const lines = (await world.log()).length;
    await world.ask(models);
    expect(await world.log()).toHaveLength(lines);
    await world.reconfigure((config) => {
      config["log"].level = "debug";
    });
    await world.ask(models);
    expect((await world.log()).length).toBeGreaterThan(lines);
  });

  it("happens once for those who ask at the same time, and once more for what was written meanwhile", async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => world.certgate.reload()));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["unchanged", "unchanged", "unchanged"]);
    expect(outcomes[1]).toBe(outcomes[2]);
    expect(outcomes[0]).not.toBe(outcomes[1]);
  });
});

describe("POST /reload on the admin port", () => {
  const post = (token?: string) =>
    world.admin("/reload", {
      method: "POST",
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });

  it("reads the configuration again for whoever has the token", async () => {
    const answer = await post("a token of good length");
    expect([answer.status, ((await answer.json()) as { outcome: string }).outcome]).toEqual([
      200,
      "unchanged",
    ]);
  });

  it.each([undefined, "", "a token of good lengt", "A token of good length"])(
    "is refused with the token %j",
    async (token) => {
      expect((await post(token)).status).toBe(401);
    },
  );

  it("says 409 and why when the configuration is refused", async () => {
    await world.write((config) => {
      config["extra"] = true;
    });
    const answer = await post("a token of good length");
    expect(answer.status).toBe(409);
    expect(await answer.text()).toMatch(/extra/);
    await world.write((config) => {
      delete config["extra"];
    });
  });
});
