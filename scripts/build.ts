import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");

/**
 * The packages that every process loads: of each, what is used becomes part of the program, which spares each process some
 * memory (ADR 13). All others stay as they are shipped, and are loaded where they are used.
 */
const bundled = new Set(["pino", "prom-client", "ws", "yaml", "zod"]);

/** That of the command, and those that it starts: they are looked for beside it. */
const programs = {
  main: "src/main.ts",
  "serve-worker": "src/cli/serve-worker.ts",
  "crl-worker": "src/trust/crl-worker.ts",
};

/** What a package imports is judged with it: only bundled ones are read. */
const isLeftOutside = (name: string, importer?: string): boolean =>
  importer !== undefined && /^[@\w]/.test(name) && !importer.includes("node_modules") && !bundled.has(name);

/**
 * Builds the program from `src`. Types are another command's business.
 * @param into the folder of what is built, emptied before; all of it lies side by side
 * @param others programs that are built with it, by name: their files, from the project's root
 * @throws when it cannot be built
 */
async function build(into: string, others: Readonly<Record<string, string>> = {}): Promise<void> {
  await using bundle = await rolldown({
    cwd: root,
    input: { ...programs, ...others },
    platform: "node",
    external: isLeftOutside,
  });
  await bundle.write({
    dir: into,
    cleanDir: true,
    format: "esm",
    chunkFileNames: "[name]-[hash].js",
    sourcemap: true,
  });
}

/**
 * Builds it elsewhere, with what it needs beside it, so that no `dist` is left here.
 * @param into a folder that does not exist
 */
export async function buildBeside(into: string, others?: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(into);
  await build(join(into, "dist"), others);
  for (const name of ["bin", "package.json"])
    await cp(join(root, name), join(into, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(into, "node_modules"));
}

// `node scripts/build.ts`, and `node scripts/build.ts FOLDER`.
if (import.meta.main)
  await (process.argv[2] === undefined ? build(join(root, "dist")) : buildBeside(process.argv[2]));
