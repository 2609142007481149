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

/** How many configurations came after the first. */
const changes = async () =>
  (await world.log()).filter(({ msg }) => msg === "another configuration is in force").length;
/** A busy machine takes its time. */
const patience = { timeout: 10_000 };

it("follows its file when that is written", async () => {
  await world.write((config) => {
    config["clients"].guest = { thumbprints: [second.client.thumbprint], deployments: ["gpt-test"] };
    config["trust"].revocation = { mode: "off" };
  });
  await expect.poll(changes, patience).toBe(1);
  expect(await reasonFor(second.client)).toBe("client_certificate_untrusted");
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
  await expect.poll(changes, patience).toBe(2);
  expect(await reasonFor(second.client)).toBe("client_certificate_untrusted");

  await symlink("..v2", join(mount, "..next"));
  await rename(join(mount, "..next"), join(mount, "..data"));
  await expect.poll(() => reasonFor(second.client), patience).toBeUndefined();
  expect(await reasonFor()).toBeUndefined();
});
