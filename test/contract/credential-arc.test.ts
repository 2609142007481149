import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createManagedIdentityCredential } from "../../src/credential/adapters/managed-identity.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { tempDir } from "../support/temp-dir.ts";

// A file of its own: the SDK chooses the host's kind once a process.

/** Where the agent leaves the key that proves that a process may read it. The SDK takes no other place. */
const place = "/var/opt/azcmagent/tokens/";
const key = randomUUID();
const tokens = new AccessTokens(systemClock);
let agent: Server;
const seen: { readonly metadata: string | undefined; readonly key: string | undefined }[] = [];

beforeAll(async () => {
  agent = createServer((request, response) => {
    const { searchParams: query } = new URL(request.url ?? "/", "http://arc");
    const authorization = request.headers.authorization;
    seen.push({ metadata: request.headers["metadata"]?.toString(), key: authorization });
    if (authorization !== `Basic ${key}`) {
      response.writeHead(401, { "www-authenticate": `Basic realm=${place}${randomUUID()}.key` }).end();
      return;
    }
    const { token, expiresAt } = tokens.issue(query.get("resource") ?? "", 86_400);
    const body = {
      access_token: token,
      expires_on: String(Math.floor(expiresAt / 1000)),
      resource: query.get("resource"),
      token_type: "Bearer",
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(agent, "listening");
  const url = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
  process.env["IDENTITY_ENDPOINT"] = `${url}/metadata/identity/oauth2/token`;
  process.env["IMDS_ENDPOINT"] = url;
});
afterAll(() => {
  agent.closeAllConnections();
  agent.close();
});

/** The agent's folder, which only root can make, stands elsewhere; each file that is asked for there is the key. */
async function withReadableKey<T>(run: () => Promise<T>): Promise<T> {
  const folder = await tempDir();
  const elsewhere = (path: unknown) => {
    if (typeof path !== "string" || !path.startsWith(place)) return path;
    const file = join(folder, basename(path));
    fs.writeFileSync(file, key);
    return file;
  };
  const { statSync, readFileSync } = fs;
  vi.spyOn(fs, "statSync").mockImplementation((path: fs.PathLike, ...rest: []) =>
    statSync(elsewhere(path) as string, ...rest),
  );
  vi.spyOn(fs, "readFileSync").mockImplementation(((path: fs.PathLike, ...rest: []) =>
    readFileSync(elsewhere(path) as string, ...rest)) as typeof fs.readFileSync);
  syncBuiltinESMExports();
  try {
    return await run();
  } finally {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  }
}

describe("the managed identity of a server that is joined with Arc", () => {
  it("proves itself with the key that the agent leaves for it", async () => {
    const token = await withReadableKey(() =>
      createManagedIdentityCredential().getToken("https://one.example/.default"),
    );
    expect(tokens.check(`Bearer ${token?.token}`, ["https://one.example"])).toBe("good");
    expect(seen).toEqual([
      { metadata: "true", key: undefined },
      { metadata: "true", key: `Basic ${key}` },
    ]);
  });

  it("says which group lacks, where the key cannot be read", async () => {
    const asked = createManagedIdentityCredential().getToken("https://two.example/.default");
    await expect(asked).rejects.toThrow(/key cannot be read; put the user .* into the group himds/);
  });

  it("takes no other identity's token for the one that is named", async () => {
    const asked = withReadableKey(() =>
      createManagedIdentityCredential({ clientId: "user-1" }).getToken("https://three.example/.default"),
    );
    await expect(asked).rejects.toThrow(
      /client id user-1: the Arc agent on this host knows no user-assigned/,
    );
  });
});
