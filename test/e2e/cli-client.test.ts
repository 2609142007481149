import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { certgateOnce } from "../support/cli.ts";
import { tempDir } from "../support/temp-dir.ts";
import { testPki } from "../support/test-pki.ts";

const hex = (digit: string) => digit.repeat(64);
let folder: string;
let registry: string;
beforeEach(async () => {
  folder = await tempDir();
  registry = join(folder, "clients.sqlite");
});

const client = (...words: string[]) => certgateOnce(["client", ...words]);
const inRegistry = (command: string, ...words: string[]) => client(command, "--registry", registry, ...words);
const add = (name: string, digit: string) =>
  inRegistry("add", "--name", name, "--thumbprint", hex(digit), "--deployments", "gpt-4o");
async function listed(): Promise<Record<string, unknown>[]> {
  const { stdout } = await inRegistry("list", "--format", "json");
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("certgate client with a registry", () => {
  it("adds, lists and removes clients", async () => {
    expect(await add("robot", "a")).toMatchObject({ code: 0, stdout: "client robot added\n", stderr: "" });
    expect(await listed()).toMatchObject([
      { name: "robot", thumbprints: [hex("a")], deployments: ["gpt-4o"], operations: ["inference"] },
    ]);
    expect(await inRegistry("remove", "--name", "robot")).toMatchObject({ code: 0 });
    expect(await listed()).toEqual([]);
    expect(await inRegistry("remove", "--name", "robot")).toMatchObject({
      code: 1,
      stderr: "there is no client robot\n",
    });
  });

  it("takes the thumbprint from a certificate", async () => {
    const pki = await testPki();
    const pem = join(folder, "client.pem");
    await writeFile(pem, pki.client.chainPem);
    await inRegistry("add", "--name", "robot", "--cert", pem, "--roles", "line-3");
    expect(await listed()).toMatchObject([{ thumbprints: [pki.client.thumbprint], roles: ["line-3"] }]);
  });

  it("refuses a certificate that is another client's, and says all that is wrong", async () => {
    await add("robot", "a");
    const ended = await inRegistry(
      "add",
      "--name",
      "crane",
      "--thumbprint",
      hex("a"),
      "--source-networks",
      "10.0.0.1/8",
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/stands on client robot/);
    expect(ended.stderr).toMatch(/is no network/);
    expect(ended.stderr).toMatch(/may use nothing/);
    expect(await listed()).toHaveLength(1);
  });

  it("keeps old and new valid together for a time", async () => {
    await add("robot", "a");
    const before = Date.now();
    await inRegistry("rotate", "--name", "robot", "--thumbprint", hex("b"), "--overlap", "14d");
    const [robot = {}] = await listed();
    const [old, fresh] = robot["thumbprints"] as [{ thumbprint: string; until: string }, string];
    expect([old.thumbprint, fresh]).toEqual([hex("a"), hex("b")]);
    const lasts = Date.parse(old.until) - before;
    expect(lasts).toBeGreaterThanOrEqual(14 * 86_400_000);
    expect(lasts).toBeLessThan(14 * 86_400_000 + 60_000);
  });

  it("drops the old certificate at once where there is no overlap", async () => {
    await add("robot", "a");
    await inRegistry("rotate", "--name", "robot", "--thumbprint", hex("b"), "--overlap", "0");
    expect(await listed()).toMatchObject([{ thumbprints: [hex("b")] }]);
  });

  it.each([
    [["add", "--name", "robot"], /one of --registry and --config/],
    [["add", "--registry", "r", "--config", "c", "--name", "robot"], /one of --registry and --config/],
    [["rotate", "--registry", "r", "--name", "robot"], /the one new certificate/],
    [["rotate", "--registry", "r", "--name", "robot", "--thumbprint", hex("a"), "--overlap", "14"], /14d/],
    [["import", "--registry", "r", "--file", "clients.txt"], /\.csv/],
    [["paint"], /say one of: add/],
  ])("says what is wrong with the words %j, with exit code 2", async (words, sentence) => {
    const ended = await client(...words);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(sentence);
  });
});

describe("certgate client import", () => {
  const imported = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return inRegistry("import", "--file", file);
  };

  it("takes CSV, with lists and rules", async () => {
    const ended = await imported(
      "clients.csv",
      `name,thumbprints,deployments,match.sanDns,match.issuer.subject\r
robot,${hex("a")};${hex("b")},gpt-4o; embed,,\r
fleet,,gpt-4o,*.devices.example,"CN=Plant CA,O=Contoso"\r
`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "2 clients imported\n" });
    expect(await listed()).toMatchObject([
      {
        name: "fleet",
        match: [{ sanDns: "*.devices.example", issuer: { subject: "CN=Plant CA,O=Contoso" } }],
      },
      { name: "robot", thumbprints: [hex("a"), hex("b")], deployments: ["gpt-4o", "embed"] },
    ]);
  });

  it.each([
    ["a list", (one: string, two: string) => `[\n  ${one},\n  ${two}\n]`],
    ["lines", (one: string, two: string) => `${one}\n${two}\n`],
  ])("takes JSON as %s", async (_, write) => {
    const one = { name: "one", thumbprints: [hex("a")], deployments: ["*"] };
    const two = { name: "two", match: [{ sanEmail: "*@devices.example" }], roles: ["line,3]}".slice(0, 4)] };
    const ended = await imported("clients.json", write(JSON.stringify(one), JSON.stringify(two)));
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(await listed()).toMatchObject([one, two]);
  });

  it("reports every problem with its line and writes nothing, not even an empty registry", async () => {
    const ended = await imported(
      "clients.csv",
      `name,thumbprints,deployments
good,${hex("a")},gpt-4o
bad name,${hex("b")},gpt-4o
twin,${hex("a")},gpt-4o
short,abc,gpt-4o
few,${hex("c")}
`,
    );
    expect(ended.code).toBe(1);
    expect([...ended.stderr.matchAll(/^line (\d+): /gm)].map(([, line]) => line)).toEqual([
      "3",
      "4",
      "5",
      "6",
    ]);
    expect(ended.stderr).toMatch(/4 problems, nothing was written/);
    expect(existsSync(registry)).toBe(false);
  });

  it("tells the lines of a JSON list", async () => {
    const ended = await imported(
      "clients.json",
      `[
  { "name": "one",
    "thumbprints": ["${hex("a")}"], "deployments": ["gpt-4o"] },
  { "name": "two", "thumbprints": ["x, ]}"], "deployments": ["gpt-4o"] },

  { "name": "three", "colour": "red", "match": [{ "sanDns": "a.example" }], "deployments": ["gpt-4o"] }
]`,
    );
    expect([...ended.stderr.matchAll(/^line (\d+): /gm)].map(([, line]) => line)).toEqual(["4", "6"]);
  });

  it("refuses a rule that an older one leaves nothing to", async () => {
    await imported(
      "first.json",
      JSON.stringify([{ name: "wide", match: [{ sanDns: "*.a.example" }], deployments: ["*"] }]),
    );
    const ended = await imported(
      "second.json",
      JSON.stringify([{ name: "narrow", match: [{ sanDns: "one.a.example" }], deployments: ["*"] }]),
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/narrow\.match\[0\]: matches no certificate that client wide/);
  });
});

describe("certgate client with a configuration", () => {
  let file: string;
  beforeEach(async () => {
    const pki = await testPki();
    file = join(folder, "certgate.yaml");
    await writeFile(join(folder, "pki.pem"), pki.root.pem);
    await writeFile(
      file,
      `# Who asks here.
listen: { certificate: { file: pki.pem } }
trust: { anchors: [{ file: pki.pem }], revocation: { mode: "off" } }
credentials: { gateway: { type: managed-identity } }
backends: { main: { endpoint: "https://main.example", credential: gateway } }
deployments: { gpt-4o: { backend: main } }
clients:
  # The press by the door.
  press:
    thumbprints:
      - "${hex("a")}" # since May
    deployments: [gpt-4o]
`,
      { mode: 0o640 },
    );
  });
  const inConfig = (command: string, ...words: string[]) => client(command, "--config", file, ...words);

  it("adds a client and keeps the comments and the file's mode", async () => {
    const ended = await inConfig(
      "add",
      "--name",
      "crane",
      "--thumbprint",
      hex("b"),
      "--deployments",
      "gpt-4o",
    );
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^# Who asks here\.$/m);
    expect(text).toMatch(/# The press by the door\.\n {2}press:/);
    expect(text).toMatch(/# since May$/m);
    expect(text).toContain(hex("b"));
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect(await certgateOnce(["check", "--config", file])).toMatchObject({ code: 0 });
  });

  it("rotates a client, and what is listed ends in time", async () => {
    await inConfig("rotate", "--name", "press", "--thumbprint", hex("b"), "--overlap", "12h");
    expect(await readFile(file, "utf8")).toMatch(/until: .* # since May$/m);
    const { stdout } = await inConfig("list");
    expect(stdout).toMatch(new RegExp(`^press\\t${hex("a")} \\(until .*\\) ${hex("b")}\\tgpt-4o$`, "m"));
  });

  it("writes nothing where the outcome would have a problem", async () => {
    const before = await readFile(file, "utf8");
    const ended = await inConfig(
      "add",
      "--name",
      "crane",
      "--thumbprint",
      hex("a"),
      "--deployments",
      "gpt-5",
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/stands on another client too/);
    expect(ended.stderr).toMatch(/the deployment "gpt-5", which is not defined/);
    expect(await readFile(file, "utf8")).toBe(before);
  });

  it("removes a client", async () => {
    expect(await inConfig("remove", "--name", "press")).toMatchObject({ code: 0 });
    expect(await readFile(file, "utf8")).not.toContain("press:");
    expect(await inConfig("remove", "--name", "press")).toMatchObject({ code: 1 });
  });

  it("is told by check of a name that the registry has too", async () => {
    await add("press", "c");
    await writeFile(file, `${await readFile(file, "utf8")}registry: { file: clients.sqlite }\n`);
    const ended = await certgateOnce(["check", "--config", file]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/client press stands in the configuration too/);
  });
});
