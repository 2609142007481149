import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkLayers } from "../../scripts/check-layers.ts";

const root = join(import.meta.dirname, "../..");
const trees: string[] = [];

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true });
});

/** A tree of source files on disk, with stand-ins for installed packages. */
function plant(files: Record<string, string>): string {
  const tree = mkdtempSync(join(tmpdir(), "certgate-layers-"));
  trees.push(tree);
  const packages = { express: "dependencies", "left-pad": "dependencies", vitest: "devDependencies" };
  const manifest: Record<string, Record<string, string>> = { dependencies: {}, devDependencies: {} };
  const all: Record<string, string> = { ...files };
  for (const [name, kind] of Object.entries(packages)) {
    manifest[kind]![name] = "1.0.0";
    all[`node_modules/${name}/package.json`] = JSON.stringify({ name, version: "1.0.0", main: "index.js" });
    all[`node_modules/${name}/index.js`] = "";
  }
  all["package.json"] = JSON.stringify({ name: "fixture", version: "1.0.0", ...manifest });
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  return tree;
}

const empty = "export const nothing = 0;\n";
const importing = (path: string) => `import "${path}";\n`;

describe("the layers of src", () => {
  it("are kept, by every file on disk", async () => {
    const { files, problems } = await checkLayers(root);
    expect(problems).toEqual([]);
    expect(files).toBeGreaterThan(20);
  });
});

describe("the layer check", () => {
  it("fails on a tree without files", async () => {
    expect((await checkLayers(plant({}))).problems).toEqual(["no TypeScript file under src"]);
  });

  it("fails when a file on disk was not looked at", async () => {
    const tree = plant({ "src/kernel/clock.ts": empty, "src/kernel/node_modules/hidden.ts": empty });
    expect((await checkLayers(tree)).problems).toEqual([
      "src/kernel/node_modules/hidden.ts: the checker never looked at it",
    ]);
  });

  it("accepts a tree that keeps the rules", async () => {
    const tree = plant({
      "src/main.ts": importing("./cli/run.ts"),
      "src/cli/run.ts": importing("../compose.ts"),
      "src/cli/dev.ts": importing("../dev/pki/make.ts"),
      "src/dev/pki/make.ts": importing("../../kernel/clock.ts"),
      "src/compose.ts": importing("./trust/adapters/file.ts"),
      "src/trust/adapters/file.ts": `${importing("./shared.ts")}${importing("node:fs")}`,
      "src/trust/adapters/shared.ts": importing("../source.ts"),
      "src/trust/source.ts": importing("../pki/crl.ts"),
      "src/pki/crl.ts": importing("node:crypto"),
      "src/admin/app.ts": importing("express"),
      "src/kernel/clock.ts": empty,
    });
    expect(await checkLayers(tree)).toEqual({ files: 11, imports: 11, problems: [] });
  });

  const forbidden: readonly (readonly [string, string, string, string])[] = [
    ["an import that points up", "src/kernel/clock.ts", "../model/target.ts", "kernel-imports-down-only"],
    [
      "a stage that imports its neighbour",
      "src/policy/decide.ts",
      "../target/parse.ts",
      "policy-imports-down-only",
    ],
    [
      "a stage that reads the configuration",
      "src/policy/map.ts",
      "../config/schema.ts",
      "policy-imports-down-only",
    ],
    [
      "a listener that imports the admin app",
      "src/listener/tls.ts",
      "../admin/app.ts",
      "listener-imports-down-only",
    ],
    [
      "a gateway that imports the listener",
      "src/gateway/go.ts",
      "../listener/tls.ts",
      "gateway-imports-down-only",
    ],
    ["a main that skips the CLI", "src/main.ts", "./compose.ts", "main-imports-down-only"],
    ["a room that has no place", "src/misc/thing.ts", "../kernel/clock.ts", "every-room-is-known"],
    [
      "a stage that constructs an adapter",
      "src/trust/store.ts",
      "./adapters/file.ts",
      "adapters-are-constructed-by-compose",
    ],
    [
      "a command that constructs an adapter",
      "src/cli/serve.ts",
      "../trust/adapters/file.ts",
      "adapters-are-constructed-by-compose",
    ],
    [
      "an adapter that uses another room's",
      "src/trust/adapters/crl.ts",
      "../../forward/adapters/pool.ts",
      "adapters-know-their-own-folder-only",
    ],
    [
      "a command beside dev that uses the dev PKI",
      "src/cli/serve.ts",
      "../dev/pki/make.ts",
      "dev-is-for-the-dev-command",
    ],
    ["a wiring that uses the dev PKI", "src/compose.ts", "./dev/pki/make.ts", "compose-imports-down-only"],
    ["a package away from its home", "src/gateway/go.ts", "express", "home-of-express"],
    ["a database away from its home", "src/gateway/go.ts", "node:sqlite", "home-of-node-sqlite"],
    ["a package without a home", "src/gateway/go.ts", "left-pad", "every-package-has-a-home"],
    ["a development tool in the product", "src/gateway/go.ts", "vitest", "no-dev-dependencies"],
    ["a disk in the path validation", "src/pki/crl.ts", "node:fs/promises", "pki-needs-node-crypto-only"],
    ["a network in the target parser", "src/target/parse.ts", "node:https", "pure-rooms-do-no-io"],
    ["a process in the kernel", "src/kernel/clock.ts", "node:child_process", "pure-rooms-do-no-io"],
    ["an import of the tests", "src/gateway/go.ts", "../../test/support/clock.ts", "src-stands-alone"],
    ["an import of nothing", "src/gateway/go.ts", "./gone.ts", "no-unresolved-imports"],
  ];

  it.each(forbidden)("refuses %s", async (_what, from, to, rule) => {
    const tree = plant({
      "src/cli/run.ts": empty,
      "src/compose.ts": empty,
      "src/config/schema.ts": empty,
      "src/admin/app.ts": empty,
      "src/listener/tls.ts": empty,
      "src/target/parse.ts": empty,
      "src/model/target.ts": empty,
      "src/kernel/clock.ts": empty,
      "src/trust/adapters/file.ts": empty,
      "src/forward/adapters/pool.ts": empty,
      "src/dev/pki/make.ts": empty,
      "test/support/clock.ts": empty,
      [from]: importing(to),
    });
    const { problems } = await checkLayers(tree);
    expect(problems.join("\n")).toContain(`(${rule})`);
    expect(problems.every((problem) => problem.startsWith(from))).toBe(true);
  });

  it("sees imports of types, imports on demand, and re-exports", async () => {
    const tree = plant({
      "src/model/types.ts": 'import type { A } from "../pki/a.ts";\nexport type B = A;\n',
      "src/model/demand.ts": 'export const later = () => import("../pki/a.ts");\n',
      "src/model/again.ts": 'export { a } from "../pki/a.ts";\n',
      "src/pki/a.ts": "export const a = 0;\nexport type A = number;\n",
    });
    const { problems } = await checkLayers(tree);
    const importers = new Set(problems.map((problem) => problem.split(" ")[0]));
    expect(importers).toEqual(new Set(["src/model/again.ts", "src/model/demand.ts", "src/model/types.ts"]));
  });

  it("sees imports inside a function that uses `using`", async () => {
    const tree = plant({
      "src/model/using.ts":
        'export async function f(g: () => AsyncDisposable) {\n  await using it = g();\n  return [it, await import("../pki/a.ts")];\n}\n',
      "src/pki/a.ts": empty,
    });
    const { problems } = await checkLayers(tree);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("src/model/using.ts imports src/pki/a.ts");
  });

  it("refuses a cycle", async () => {
    const tree = plant({
      "src/model/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
      "src/model/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
    });
    expect((await checkLayers(tree)).problems.join("\n")).toContain("(no-cycles)");
  });
});
