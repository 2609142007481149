import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../../src/dev/pki/authority.ts";
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
let oldCa: Authority;
let nextCa: Authority;
let before: IssuedCertificate;
let after: IssuedCertificate;
let world: World;

beforeAll(async () => {
  cast = await steadyCast();
  const { root } = cast.pki;
  [oldCa, nextCa] = await Promise.all([
    createAuthority({ subject: "CN=Old CA", issuer: root }),
    createAuthority({ subject: "CN=Next CA", issuer: root }),
  ]);
  [before, after] = await Promise.all([
    oldCa.issue({ subject: "CN=machine" }),
    nextCa.issue({ subject: "CN=machine" }),
  ]);
  world = await startWorld({
    pki: cast.pki,
    files: { ...cast.files, "old-ca.crl": (await oldCa.crl()).pem },
    watches: true,
    configure(config) {
      cast.enter(config);
      config["trust"].revocation.crls.push({ file: "old-ca.crl" });
      config["clients"].machine = {
        thumbprints: [before.thumbprint, after.thumbprint],
        deployments: ["gpt-test"],
      };
    },
  });
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

it("an intermediate is replaced by another below the same root, and then revoked", async () => {
  const of = (name: string, client: IssuedCertificate, expected: "answered" | { refused: string }) => [
    { name, client, perSecond: 12, expect: expected },
    { name: `${name}, streams`, client, perSecond: 4, streamed: true, expect: expected },
  ];
  // Of the next CA no revocation data is there yet: its clients must wait for that.
  const load = await steadyLoadOn(cast, world.certgate.port, [
    ...of("old", before, "answered"),
    ...of("next", after, { refused: "revocation_unavailable" }),
  ]);
  await load.ended(200);

  await writeFile(join(world.directory, "next-ca.crl"), (await nextCa.crl()).pem);
  await load.change({ next: "answered", "next, streams": "answered" }, () =>
    world.reconfigure((config) => {
      config["trust"].revocation.crls.push({ file: "next-ca.crl" });
    }),
  );
  await load.ended(400);

  const refused = { refused: "client_certificate_revoked" };
  const { pem } = await cast.pki.root.crl({ number: 2, revoked: [{ serial: oldCa.serial }] });
  await load.change({ old: refused, "old, streams": refused }, async () => {
    await writeFile(join(world.directory, "root.crl"), pem);
    await world.certgate.reload();
  });
  await load.ended(400);
  expect(noteOperation("rotate an intermediate, revoke the old one", await load.stop())).toMatchObject(clean);
});
