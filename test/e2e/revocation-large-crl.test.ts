import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startWorld, type World } from "../support/world.ts";

const root = join(import.meta.dirname, "../..");
let world: World;
let pki: TestPki;
let stolen: IssuedCertificate;
/** Enough for half a megabyte: such a CRL is read in a thread of its own. */
const others = Array.from({ length: 15_000 }, (_, at) => ({ serial: (0x4000_0000 + at).toString(16) }));

beforeAll(async () => {
  pki = await createTestPki();
  stolen = await pki.intermediate.issue({ subject: "CN=stolen" });
  const intermediateCrl = await pki.intermediate.crl({ revoked: others });
  world = await startWorld({
    pki: { ...pki, intermediateCrl },
    configure(config) {
      config["trust"].revocation.refreshSeconds = 1;
      config["clients"]["stolen"] = { thumbprints: [stolen.thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(() => world.stop());

const models = { path: "/openai/v1/models" };
const reasonFor = async (client: IssuedCertificate) =>
  (await world.ask(models, client)).headers["x-certgate-reason"];
const file = () => join(world.directory, "intermediate.crl");

describe("a large CRL", () => {
  it("is large indeed", () => {
    expect(world.pki.intermediateCrl.der.length).toBeGreaterThan(300_000);
  });

  it("lets those in whom it does not list, and refuses those whom its successor lists", async () => {
    expect(await reasonFor(stolen)).toBeUndefined();
    const revoked = [...others, { serial: stolen.serial }];
    await writeFile(file(), (await pki.intermediate.crl({ number: 2, revoked })).pem);
    await expect.poll(() => reasonFor(stolen), { timeout: 10_000 }).toBe("client_certificate_revoked");
    expect(await reasonFor(pki.client)).toBeUndefined();
  });

  it("that is damaged changes nothing but the log", async () => {
    const { der } = await pki.intermediate.crl({ number: 3, revoked: others });
    await writeFile(file(), der.subarray(0, der.length - 1));
    const told = async () => (await world.log()).some(({ msg }) => msg === "a CRL is not taken");
    await expect.poll(told, { timeout: 10_000 }).toBe(true);
    expect(await reasonFor(stolen)).toBe("client_certificate_revoked");
    expect(await reasonFor(pki.client)).toBeUndefined();
  });
});

describe("npm run bench -- pki", () => {
  it("runs, at sizes that say nothing about speed", async () => {
    const json = join(await tempDir(), "bench.json");
    const bench = spawn(process.execPath, ["bench/run.ts", "pki", "--quick", "--json", json], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    expect(await once(bench, "exit")).toEqual([0, null]);
    const { machine, measurements } = JSON.parse(await readFile(json, "utf8")) as {
      machine: { node: string };
      measurements: { what: string }[];
    };
    expect(machine.node).toBe(process.versions.node);
    expect(measurements.map(({ what }) => what).join("\n")).toMatch(
      /decision, cold[^]*judged again[^]*CRL of/,
    );
  });
});
