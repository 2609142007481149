import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { ownership } from "../../../src/config/ownership-schema.ts";
import { tempDir } from "../../support/temp-dir.ts";

const problems = (value: unknown): string[] =>
  ownership.safeParse(value).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("the configuration's section on ownership", () => {
  it("may be missing: a file beside the configuration", () => {
    expect(ownership.parse(undefined)).toEqual({ file: "certgate-ownership.sqlite", daysKept: {} });
  });

  it.each(["redis://cache.example:6379/2", "rediss://cache.example"])("takes a Redis at %s", (url) => {
    expect(ownership.parse({ redis: { url } }).redis).toEqual({ url, timeoutSeconds: 1 });
  });

  it.each([
    ["redis://:swordfish@cache.example", /passwordFile/],
    ["redis://user@cache.example", /passwordFile/],
    ["https://cache.example", /redis:\/\/ or rediss:\/\//],
    ["cache.example:6379", /redis:\/\//],
  ])("refuses %s, and repeats no password", (url, message) => {
    const [problem, ...more] = problems({ redis: { url } });
    expect(problem).toMatch(message);
    expect(more).toEqual([]);
    expect(problem).not.toContain("swordfish");
  });

  it("takes days by kind, and no kind that has no owner", () => {
    expect(problems({ daysKept: { response: 7, file: "never" } })).toEqual([]);
    expect(problems({ daysKept: { message: 7 } })).toHaveLength(1);
    expect(problems({ daysKept: { response: 0 } })).toHaveLength(1);
  });
});

/** Loads a whole configuration with this section. */
async function load(section: object | undefined) {
  const folder = await tempDir();
  for (const name of ["a.pem", "secret"]) await writeFile(join(folder, name), "x");
  const config = {
    listen: { certificate: { file: "a.pem" } },
    trust: { anchors: [{ file: "a.pem" }], revocation: { mode: "off" } },
    credentials: { gateway: { type: "managed-identity" } },
    backends: { sweden: { endpoint: "https://x.openai.azure.com", credential: "gateway" } },
    deployments: { "gpt-4o": { backend: "sweden" } },
    clients: { robot: { thumbprints: ["a".repeat(64)], deployments: ["gpt-4o"] } },
    ownership: section,
  };
  const file = join(folder, "certgate.yaml");
  await writeFile(file, JSON.stringify(config));
  return { folder, outcome: await loadConfig(file) };
}

describe("a loaded configuration", () => {
  it.each([
    [undefined, "certgate-ownership.sqlite"],
    [{ file: "book.sqlite" }, "book.sqlite"],
  ])("keeps the book of %j beside itself, which need not be there yet", async (section, name) => {
    const { folder, outcome } = await load(section);
    expect(outcome.problems).toEqual([]);
    expect(outcome.ok && outcome.config.ownership.file).toBe(join(folder, name));
  });

  it("finds the files of Redis beside itself", async () => {
    const redis = { url: "rediss://cache.example", passwordFile: "secret", caFile: "a.pem" };
    const { folder, outcome } = await load({ redis });
    expect(outcome.ok && outcome.config.ownership.redis).toMatchObject({
      passwordFile: join(folder, "secret"),
      caFile: join(folder, "a.pem"),
    });
  });

  it.each([
    ["ownership.backend", { backend: "norway" }],
    ["ownership.redis.passwordFile", { redis: { url: "redis://cache.example", passwordFile: "gone" } }],
    ["ownership.daysKept.message", { daysKept: { message: 1 } }],
  ])("says what is wrong at %s", async (path, section) => {
    const { outcome } = await load(section);
    expect(outcome.problems.map((problem) => problem.path)).toEqual([path]);
  });
});
