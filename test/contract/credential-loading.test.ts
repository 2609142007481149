import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../support/cli.ts";

const root = join(import.meta.dirname, "../..");

/** Which packages a process loads that composes a configuration and asks each credential for its headers. */
async function packagesLoadedFor(credential: object): Promise<{ packages: string[]; headers: unknown }> {
  const script = `
    import { registerHooks } from "node:module";
    const packages = new Set();
    registerHooks({
      load(url, context, next) {
        const found = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url);
        if (found) packages.add(found[1]);
        return next(url, context);
      },
    });
    const { outboundCredential } = await import(${JSON.stringify(`${root}/src/compose/credentials.ts`)});
    const { composeSources, readCa } = await import(${JSON.stringify(`${root}/src/compose/sources.ts`)});
    const { configSchema } = await import(${JSON.stringify(`${root}/src/config/schema.ts`)});
    const { systemClock } = await import(${JSON.stringify(`${root}/src/kernel/clock.ts`)});
    const { silentLogger } = await import(${JSON.stringify(`${root}/src/kernel/logger.ts`)});
    const config = configSchema.parse({
      listen: { certificate: { file: "unused.pem" } },
      trust: { anchors: [{ file: "unused.pem" }] },
      credentials: { main: ${JSON.stringify(credential)} },
      backends: { main: { endpoint: "https://backend.example", credential: "main" } },
      deployments: {},
    });
    const sources = await composeSources(config, systemClock);
    const credential = outboundCredential("main", config.credentials.main, {
      ...sources, clock: systemClock, log: silentLogger, readCa,
    });
    const headers = await credential.headers({}).catch((error) => error.code);
    process.stdout.write(JSON.stringify({ packages: [...packages], headers }));
    process.exit(0);
  `;
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "--eval", script], {
    env: {
      TEST_API_KEY: "key-from-the-environment",
      AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://127.0.0.1:1",
    },
  }).ended;
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as { packages: string[]; headers: unknown };
}

describe("the identity package, which is heavy,", () => {
  it("is not loaded for API keys", async () => {
    const { packages, headers } = await packagesLoadedFor({
      type: "api-key",
      primary: { env: "TEST_API_KEY" },
    });
    expect(headers).toEqual(["api-key", "key-from-the-environment"]);
    // The watch works: it saw what the configuration needs.
    expect(packages).toContain("zod");
    expect(packages.filter((name) => name.startsWith("@azure/"))).toEqual([]);
  });

  it("is loaded with the first token of a credential that needs it", async () => {
    const { packages, headers } = await packagesLoadedFor({ type: "managed-identity" });
    expect(headers).toBe("credential_unavailable");
    expect(packages).toContain("@azure/identity");
  });
});
