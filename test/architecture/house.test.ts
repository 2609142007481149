import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const inRoot = (pattern: string) => globSync(pattern, { cwd: root }).toSorted();
const read = (path: string) => readFileSync(join(root, path), "utf8");
const sources = inRoot("src/**/*.ts");
const committed = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
  .split("\0")
  // A file that is deleted and not committed yet is still listed.
  .filter((path) => path !== "" && existsSync(join(root, path)));

describe("the house", () => {
  it("is looked at in full", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(committed.length).toBeGreaterThan(sources.length / 2);
  });

  it("has no source file over 300 lines", () => {
    expect(sources.filter((path) => read(path).trimEnd().split("\n").length > 300)).toEqual([]);
  });

  it("names files in kebab-case", () => {
    const names = [...sources, ...inRoot("test/**/*.ts"), ...inRoot("scripts/*")].map((path) =>
      basename(path),
    );
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(name))).toEqual([]);
  });

  it("has no drawer for odds and ends", () => {
    const drawer = /(^|[/-])(utils?|helpers?|managers?|misc|common)([/.-]|$)/;
    expect([...sources, ...inRoot("test/**/*.ts")].filter((path) => drawer.test(path))).toEqual([]);
  });

  it("has a source file or folder for every unit test, at the same path", () => {
    const orphans = inRoot("test/unit/**/*.test.ts").filter((test) => {
      const path = test.replace(/^test\/unit\//, "src/").replace(/\.test\.ts$/, "");
      // `validity.expired.test.ts` is a second file of tests about `validity.ts`.
      const subject = path.replace(/\.[^./]+$/, "");
      return ![path, `${path}.ts`, `${subject}.ts`].some((candidate) => existsSync(join(root, candidate)));
    });
    expect(orphans).toEqual([]);
  });

  it("calls every test file *.test.ts", () => {
    const suites = inRoot("test/{unit,contract,conformance,e2e,fuzz,architecture}/**/*.ts");
    const silent = suites.filter(
      (path) => !path.endsWith(".test.ts") && /^\s*(it|test)(\.each)?\(/m.test(read(path)),
    );
    expect(silent).toEqual([]);
  });
});

describe("git", () => {
  it("holds no private key", () => {
    const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}/;
    expect(committed.filter((path) => /\.(key|pfx|p12)$/.test(path) || key.test(read(path)))).toEqual([]);
  });

  it("holds nothing under certs-dev but its README", () => {
    expect(committed.filter((path) => /^certs-dev\/(?!README\.md$)/.test(path))).toEqual([]);
  });

  it("holds no path of somebody's machine", () => {
    // Spelled in pieces, so that this file does not find itself.
    const machine = new RegExp(
      `(^|[\\s"'\`(=:])/(${["work", "home/\\w", "Users/\\w", "tmp/\\w"].join("|")})[/\\w.-]*`,
      "m",
    );
    const text = committed.filter(
      (path) => !/\.(png|ico|woff2?|der|p12)$/.test(path) && path !== "package-lock.json",
    );
    const found = text.flatMap((path) => {
      const at = machine.exec(read(path));
      return at === null ? [] : [`${path}: ${at[0].trim()}`];
    });
    expect(found).toEqual([]);
  });
});
