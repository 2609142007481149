import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import { parseYaml } from "../../src/config/parse-yaml.ts";
import { allKeyPaths } from "../../src/config/schema-keys.ts";
import { configSchema } from "../../src/config/schema.ts";

const text = await readFile(new URL("../../docs/configuration.md", import.meta.url), "utf8");
const mentioned = new Set([...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code));
const paths = allKeyPaths(configSchema);
const example = parseYaml(/```yaml\n([^]*?)```/.exec(text)?.[1] ?? "");

describe("docs/configuration.md", () => {
  it("mentions every key of the schema", () => {
    expect(paths).toContain("clients.*.thumbprints");
    expect(paths).toContain("trust.revocation.crls[].url");
    // A section's own key is its heading.
    expect(paths.filter((path) => !mentioned.has(path))).toEqual([]);
  });

  it("mentions no key that the schema does not have", () => {
    const sections = new Set(paths.map((path) => path.split(".")[0]));
    const written = [...mentioned].filter((code) => /^[A-Za-z]+(?:\.[A-Za-z*]+(?:\[\])?)+$/.test(code ?? ""));
    expect(written.length).toBeGreaterThan(30);
    expect(
      written.filter((code) => sections.has((code ?? "").split(".")[0]) && !paths.includes(code ?? "")),
    ).toEqual([]);
  });

  it("has an example that the schema and the checks take", () => {
    const problems: string[] = [];
    checkConfig(example.value, (path, message) => problems.push(`${path.join(".")} ${message}`));
    expect(example.problems).toEqual([]);
    expect(configSchema.safeParse(example.value).error).toBeUndefined();
    expect(problems).toEqual([]);
  });

  it("says the schema's own defaults", () => {
    const parsed = configSchema.parse({
      ...(example.value as object),
      admin: undefined,
      limits: undefined,
      timeouts: undefined,
      log: undefined,
      identity: undefined,
      ownership: undefined,
    });
    const rows = new Map(
      [...text.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|/gm)].map(([, key, value]) => [key, value]),
    );
    const { admin, limits, timeouts, log, identity } = parsed;
    const ownership = { file: parsed.ownership.file };
    for (const [section, values] of Object.entries({ admin, limits, timeouts, log, identity, ownership }))
      for (const [key, value] of Object.entries(values))
        expect(`${section}.${key}: ${rows.get(`${section}.${key}`)}`).toBe(
          `${section}.${key}: ${String(value)}`,
        );
  });
});
