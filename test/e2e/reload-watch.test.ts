import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let second: TestPki;
beforeAll(async () => {
  pki = await createTestPki();
  second = await createTestPki("Second");
  world = await startWorld({ pki, watches: true });
});
afterAll(() => world.stop());

const models = { path: "/openai/v1/models" };
const reasonFor = async (client = pki.client) =>
  (await world.ask(models, client)).headers["x-certgate-reason"];

it("follows its file when that is written", async () => {
  await world.write((config) => {
    config["clients"].guest = { thumbprints: [second.client.thumbprint], deployments: ["gpt-test"] };
    config["trust"].revocation = { mode: "off" };
  });
  await expect.poll(() => reasonFor(second.client), { timeout: 10_000 }).toBe("client_certificate_untrusted");
  await expect
    .poll(async () => (await world.log()).some(({ msg }) => msg === "another configuration is in force"))
    .toBe(true);
  expect(await reasonFor()).toBeUndefined();
});

it("follows a mounted folder of roots that is swapped under its name, as Kubernetes does", async () => {
  const mount = join(world.directory, "mount");
  const versions = { "..v1": pki.root.pem, "..v2": pki.root.pem + second.root.pem };
  await mkdir(mount);
  for (const [name, pem] of Object.entries(versions)) {
    await mkdir(join(mount, name));
    await writeFile(join(mount, name, "roots.pem"), pem);
  }
  await symlink("..v1", join(mount, "..data"));
  await symlink(join("..data", "roots.pem"), join(mount, "roots.pem"));
  await world.write((config) => {
    config["trust"].anchors = [{ file: "mount/roots.pem" }];
  });
  await expect
    .poll(
      async () => (await world.log()).filter(({ msg }) => msg === "another configuration is in force").length,
    )
    .toBe(2);
  expect(await reasonFor(second.client)).toBe("client_certificate_untrusted");

  await symlink("..v2", join(mount, "..next"));
  await rename(join(mount, "..next"), join(mount, "..data"));
  await expect.poll(() => reasonFor(second.client), { timeout: 10_000 }).toBeUndefined();
  expect(await reasonFor()).toBeUndefined();
});
