import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../support/cli.ts";
import { tempDir } from "../support/temp-dir.ts";

const root = join(import.meta.dirname, "../..");

/** A Node of this machine that is too old for certgate, outside node_modules; undefined when there is none. */
function findOldNode(): string | undefined {
  const folders = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((path) => !path.includes("node_modules"));
  return folders.map((folder) => join(folder, "node")).find(isOldNode);
}

function isOldNode(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    const [major = 0, minor = 0] = execFileSync(path, ["-p", "process.versions.node"], { encoding: "utf8" })
      .split(".")
      .map(Number);
    return major < 26 || (major === 26 && minor < 10);
  } catch {
    return false;
  }
}

const oldNode = findOldNode();

describe("bin/certgate.mjs", () => {
  it("runs certgate on this Node", async () => {
    const { code, stdout } = await run(process.execPath, ["bin/certgate.mjs", "--help"]).ended;
    expect(code).toBe(0);
    expect(stdout).toContain("certgate COMMAND --help says more.");
  });

  it("hands the exit code on", async () => {
    expect((await run(process.execPath, ["bin/certgate.mjs", "check"]).ended).code).toBe(2);
  });
});

describe.skipIf(oldNode === undefined)("on a Node of this machine that is too old", () => {
  const node = oldNode ?? "";

  it("bin/certgate.mjs says so in one line, with exit code 1", async () => {
    const { code, stdout, stderr } = await run(node, ["bin/certgate.mjs", "serve", "--config", "x"]).ended;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^certgate needs Node 26\.10 or newer \(found \d+\.\d+\.\d+\)\n$/);
  });

  it("scripts/bootstrap.mjs installs once", async () => {
    const project = await projectWith(
      `const { mkdirSync, writeFileSync } = require("fs");
       mkdirSync("node_modules/node/bin", { recursive: true });
       for (const name of ["node", "node.exe"]) writeFileSync("node_modules/node/bin/" + name, "");
       if (process.argv[2] !== "ci") process.exit(9);`,
    );
    const installing = "certgate: installing dependencies (npm ci) ...\n";
    expect(await project.bootstrap()).toMatchObject({ code: 0, stdout: "", stderr: installing });
    expect(await project.bootstrap()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await project.changeLockfile();
    expect(await project.bootstrap()).toMatchObject({ code: 0, stdout: "", stderr: installing });
  });

  it("scripts/bootstrap.mjs ends with npm's words and exit code 1 when npm fails", async () => {
    const project = await projectWith(`console.error("npm error network"); process.exit(3);`);
    const { code, stderr } = await project.bootstrap();
    expect(code).toBe(1);
    expect(stderr).toContain("npm error network\n");
    expect(stderr).toMatch(/certgate: npm ci failed, see above; nothing was started\n$/);
  });
});

/** A folder with the real bootstrap script and an npm of the test's own: the real one would replace what runs here. */
async function projectWith(npm: string) {
  const folder = await tempDir();
  await mkdir(join(folder, "scripts"));
  await copyFile(join(root, "scripts/bootstrap.mjs"), join(folder, "scripts/bootstrap.mjs"));
  await writeFile(join(folder, "npm.cjs"), npm);
  await writeFile(join(folder, "package-lock.json"), "{}");
  return {
    bootstrap: () =>
      run(oldNode ?? "", ["scripts/bootstrap.mjs"], {
        cwd: folder,
        env: { npm_execpath: join(folder, "npm.cjs"), npm_node_execpath: "" },
      }).ended,
    changeLockfile: () => writeFile(join(folder, "package-lock.json"), '{"changed":true}'),
  };
}
