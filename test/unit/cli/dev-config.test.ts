import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { devConfig, devConfigFiles } from "../../../src/cli/dev-config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { ensureDevPki } from "../../../src/dev/dev-pki.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { localAzure } from "../../support/local-azure.ts";
import { tempDir } from "../../support/temp-dir.ts";

async function written(purpose: keyof typeof devConfigFiles) {
  const directory = await tempDir();
  const pki = await ensureDevPki(directory, systemClock);
  const file = join(directory, devConfigFiles[purpose]);
  await writeFile(file, devConfig(pki, await localAzure(), { port: 8443, adminPort: 9443 }, purpose));
  return { directory, outcome: await loadConfig(file) };
}

describe("devConfig", () => {
  it("writes a configuration without a problem that takes its trust from the vault", async () => {
    const { outcome } = await written("own");
    expect(outcome.problems).toEqual([]);
    expect(outcome.ok && outcome.config.trust.anchors).toEqual([
      { keyVault: "local", secret: "device-root-cas" },
    ]);
  });

  it("writes one for explain that needs no vault", async () => {
    const { directory, outcome } = await written("offline");
    expect(outcome.problems).toEqual([]);
    expect(outcome.ok && outcome.config.trust.anchors).toEqual([{ file: join(directory, "root-ca.pem") }]);
  });

  it("knows every client but those who must be unknown", async () => {
    const { outcome } = await written("own");
    expect(outcome.ok && Object.keys(outcome.config.clients).toSorted()).toEqual([
      "allowed",
      "expired",
      "not-yet-valid",
      "other",
      "revoked",
      "self-signed",
      "wrong-usage",
    ]);
  });
});
