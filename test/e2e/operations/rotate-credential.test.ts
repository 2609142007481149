import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../../src/dev/azure/local-azure.ts";
import { type LocalEntra, startEntra } from "../../../src/dev/azure/entra/server.ts";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";
import { startWorld, type World } from "../../support/world.ts";

let cast: SteadyCast;
let azure: LocalAzure;
let entra: LocalEntra;
let world: World;
/** What the app may prove itself with now. */
const secrets = ["secret-number-one"];

beforeAll(async () => {
  cast = await steadyCast();
  const { pki } = cast;
  const tls = { cert: pki.server.chainPem, key: pki.server.keyPem };
  azure = await startLocalAzure({ tls, deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" } });
  const tenantId = "aaaaaaaa-0000-4000-8000-000000000001";
  const clientId = "bbbbbbbb-0000-4000-8000-000000000002";
  entra = await startEntra({
    tls,
    tokens: azure.tokens,
    tenantId,
    apps: [
      {
        clientId,
        objectId: "cccccccc-0000-4000-8000-000000000003",
        secrets,
        certificates: [],
        federated: [],
      },
    ],
  });
  world = await startWorld({
    pki,
    azure,
    watches: true,
    files: { ...cast.files, secret: secrets.join() },
    configure(config) {
      cast.enter(config);
      config["credentials"].gateway = {
        type: "client-secret",
        tenantId,
        clientId,
        secret: { file: "secret" },
        cloud: { authorityHost: entra.url, caFile: "root.pem" },
      };
    },
  });
  azure.openAi.setPace(steadyPace);
});
afterAll(async () => {
  await world.stop();
  await Promise.all([azure.stop(), entra.stop()]);
});

it("the app's secret is replaced, the old one deleted, and every token of old revoked", async () => {
  const load = await steadyLoadOn(cast, world.certgate.port);
  await load.ended(300);
  // The order of an operator: a second secret, the gateway gets it, the first one ends, its tokens too.
  secrets.push("secret-number-two");
  await writeFile(join(world.directory, "secret"), "secret-number-two");
  await expect
    .poll(async () => (await world.log()).some(({ msg }) => msg === "the configuration is unchanged"), {
      timeout: 20_000,
    })
    .toBe(true);
  await load.ended(200);
  secrets.shift();
  const asked = entra.requests.count;
  azure.tokens.revokeAll();
  await load.ended(400);
  // All that were refused at once got one new token together.
  expect(entra.requests.count - asked).toBe(1);
  expect(noteOperation("rotate a client secret, revoke the tokens", await load.stop())).toMatchObject(clean);
});
