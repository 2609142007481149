import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { IssuedCertificate } from "../../../src/dev/pki/authority.ts";
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
let stolen: IssuedCertificate;
let world: World;
beforeAll(async () => {
  cast = await steadyCast();
  stolen = await cast.pki.intermediate.issue({ subject: "CN=stolen" });
  world = await startWorld({
    pki: cast.pki,
    files: cast.files,
    watches: true,
    configure(config) {
      cast.enter(config);
      config["clients"].stolen = { thumbprints: [stolen.thumbprint], deployments: ["gpt-test"] };
    },
  });
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

it("a CRL is replaced on disk by one that lists another client: refused within a second, and nobody else notices", async () => {
  const load = await steadyLoadOn(cast, world.certgate.port, [
    { name: "stolen", client: stolen, perSecond: 12, expect: "answered" },
    { name: "stolen, streams", client: stolen, perSecond: 8, streamed: true, expect: "answered" },
  ]);
  await load.ended(300);
  const revoked = [...cast.revoked, { serial: stolen.serial }];
  const { pem } = await cast.pki.intermediate.crl({ number: 3, revoked });
  const refused = { refused: "client_certificate_revoked" };
  await load.change({ stolen: refused, "stolen, streams": refused }, async () => {
    await writeFile(join(world.directory, "intermediate.crl"), pem);
    // Nobody asks for a reload: the gateway sees the file.
    await expect
      .poll(
        async () =>
          (await world.log()).some(({ client, reason }) => client === "stolen" && reason === refused.refused),
        {
          timeout: 20_000,
        },
      )
      .toBe(true);
  });
  await load.ended(400);
  expect(noteOperation("replace a CRL, a client is revoked", await load.stop())).toMatchObject(clean);
});
