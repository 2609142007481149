// Runs before `npm start` and `npm test`, on whatever Node is installed, with nothing installed yet. It brings the
// dependencies up to the lockfile; among them is the npm package `node`, the runtime on which everything else runs.
// So: no dependency, and only syntax and imports that an old Node can parse well enough to be told that it is too old.
import { spawnSync } from "child_process";
import { createHash } from "crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "fs";
import { dirname, join } from "path";
import { fileURLToPath } from "url";

const oldestNode = 20;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockfile = join(root, "package-lock.json");
const stamp = join(root, "node_modules", ".certgate-lock");
// npm writes this one at the end of every installation.
const npmsRecord = join(root, "node_modules", ".package-lock.json");
const runtime = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

function fail(message) {
  process.stderr.write(`certgate: ${message}\n`);
  process.exit(1);
}

function lockHash() {
  return createHash("sha256").update(readFileSync(lockfile)).digest("hex");
}

function isInstalled() {
  if (!existsSync(runtime)) return false;
  if (existsSync(stamp)) return readFileSync(stamp, "utf8") === lockHash();
  // Installed by hand: good if it happened after the lockfile came.
  return existsSync(npmsRecord) && statSync(npmsRecord).mtimeMs >= statSync(lockfile).mtimeMs;
}

function install() {
  process.stderr.write("certgate: installing dependencies (npm ci) ...\n");
  // npm under the Node that runs npm, not under the one in node_modules, which `npm ci` is about to replace. Errors
  // only: the one warning to expect, that packages want a newer Node, is about the Node that installs and not the one
  // that runs them.
  const options = ["ci", "--loglevel=error", "--no-audit", "--no-fund"];
  const npm = process.env.npm_execpath;
  const npmsNode = process.env.npm_node_execpath || process.execPath;
  const result = npm
    ? spawnSync(npmsNode, [npm].concat(options), { cwd: root, encoding: "utf8" })
    : spawnSync("npm", options, { cwd: root, encoding: "utf8", shell: process.platform === "win32" });
  if (result.error) fail(`npm cannot be run: ${result.error.message}`);
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout}${result.stderr}`);
    fail("npm ci failed, see above; nothing was started");
  }
  if (!existsSync(runtime)) {
    fail(
      "npm ci brought no Node runtime: the npm package `node` needs its install script (is ignore-scripts set?)",
    );
  }
}

if (parseInt(process.versions.node, 10) < oldestNode) {
  fail(
    `Node ${oldestNode} or newer is needed to install (found ${process.versions.node}); see https://nodejs.org/`,
  );
}
if (!isInstalled()) {
  install();
  writeFileSync(stamp, lockHash());
}
