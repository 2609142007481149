import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { certgateOnce } from "../support/cli.ts";
import { tempDir } from "../support/temp-dir.ts";

const hex = (digit: string) => digit.repeat(64);

const good = `
listen:
  certificate: { file: server.pem, keyFile: server.key }
trust:
  anchors: [{ file: root.pem }]
  revocation: { crls: [{ file: root.crl }] }
credentials:
  gateway: { type: managed-identity }
backends:
  sweden: { endpoint: https://x.openai.azure.com, credential: gateway }
deployments:
  gpt-4o: { backend: sweden }
clients:
  press: { thumbprints: ["${hex("a")}"], deployments: [gpt-4o] }
  robot: { thumbprints: ["${hex("b")}", "${hex("c")}"], deployments: [gpt-4o] }
`;

/** Every line of it that can be wrong is. */
const bad = `
listen:
  prot: 8443
  certificate: { file: server.pem, keyFile: absent.key }
trust:
  anchors: [{ keyVault: mian, secret: roots }]
keyVaults:
  main: { url: http://main.vault.azure.net, credential: gateway }
credentials:
  gateway: { type: managed-identity }
backends:
  sweden: { endpoint: https://x.openai.azure.com, credential: gatewya }
deployments:
  gpt-4o: { backend: swedne }
clients:
  press: { thumbprints: ["${hex("a")}"], deployments: [gpt-4] }
  robot: { thumbprints: ["AA:${hex("a").slice(2)}", "12:34"], deployments: [gpt-4o] }
  idle: { thumbprints: ["${hex("d")}"] }
log: { level: loud }
`;

/** Path, sentence and hint of each problem of `bad`. */
const problems = [
  ["listen.prot", "is not a key that is known here", "Known here: host, port, reusePort, certificate."],
  ["listen.certificate.keyFile", "does not exist", "Check the path and the permissions."],
  ["trust.anchors[0].keyVault", 'names the key vault "mian"', "Known here: main."],
  ["trust.revocation.crls", "is empty", "List a CRL of each CA"],
  ["keyVaults.main.url", "must be an https:// URL", "Correct the value."],
  ["backends.sweden.credential", 'names the credential "gatewya"', 'Did you mean "gateway"?'],
  ["deployments.gpt-4o.backend", 'names the backend "swedne"', 'Did you mean "sweden"?'],
  ["clients.press.deployments[0]", 'names the deployment "gpt-4"', 'Did you mean "gpt-4o"?'],
  ["clients.robot.thumbprints[0]", "stands on another client too (clients.press.", "remove it from one"],
  ["clients.robot.thumbprints[1]", "is not a thumbprint", "openssl x509"],
  ["clients.idle", "may use nothing", "Add what it may use"],
  ["log.level", 'must be "debug" or "info"', ""],
] as const;

async function configFile(text: string): Promise<string> {
  const folder = await tempDir();
  for (const name of ["server.pem", "server.key", "root.pem", "root.crl"])
    await writeFile(join(folder, name), "x");
  const file = join(folder, "certgate.yaml");
  await writeFile(file, text);
  return file;
}

describe("certgate check", () => {
  it("says what a good configuration holds, with exit code 0", async () => {
    const file = await configFile(good);
    expect(await certgateOnce(["check", "--config", file])).toMatchObject({
      code: 0,
      stdout: `${file}: no problem (2 clients, 1 deployments, 1 backends)\n`,
      stderr: "",
    });
  });

  it("reports all problems at once with path and hint, with exit code 1", async () => {
    const file = await configFile(bad);
    const { code, stdout, stderr } = await certgateOnce(["check", "--config", file]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    // One block a problem: a line with place, path and sentence, then an indented hint.
    const blocks = [...stderr.matchAll(/^line \d+, column \d+: (\S+): (.+)\n {4}(.*)$/gm)];
    const found = Object.fromEntries(blocks.map(([, path, message, hint]) => [path, [message, hint]]));
    const expected = problems.map(([path, message, hint]) => [
      path,
      [expect.stringContaining(message), expect.stringContaining(hint)],
    ]);
    expect(found).toEqual(Object.fromEntries(expected));
    expect(stderr).toContain(`${file}: ${problems.length} problems\n`);
  });

  it("says that there is no such file, with exit code 1", async () => {
    const { code, stderr } = await certgateOnce(["check", "--config", join(await tempDir(), "absent.yaml")]);
    expect(code).toBe(1);
    expect(stderr).toContain("absent.yaml: does not exist");
  });

  it("reads file paths from the configuration's folder, wherever it is run", async () => {
    const file = await configFile(good);
    expect((await certgateOnce(["check", "--config", file], { cwd: await tempDir() })).code).toBe(0);
  });
});

describe("certgate serve", () => {
  it("refuses to start on what check reports, in the same words", async () => {
    const file = await configFile(bad);
    const [checked, served] = await Promise.all(
      ["check", "serve"].map((command) => certgateOnce([command, "--config", file])),
    );
    expect(served).toMatchObject({ code: 1, stdout: "" });
    expect(served?.stderr).toBe(checked?.stderr);
  });

  it("says in one line why it cannot start with a certificate that is none", async () => {
    const ports = "admin: { port: 0 }\n";
    const file = await configFile(good.replace("listen:", "listen:\n  port: 0") + ports);
    const { code, stderr } = await certgateOnce(["serve", "--config", file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^certgate serve: the gateway's own TLS certificate could not be loaded: [^\n]+\n$/,
    );
  });
});

describe("certgate, asked for help", () => {
  it.each([["--help"], ["-h"], ["help"]])("lists its commands at %s", async (word) => {
    const { code, stdout, stderr } = await certgateOnce([word]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const command of ["serve", "check", "explain", "dev"])
      expect(stdout).toMatch(new RegExp(`^  ${command} +\\w`, "m"));
  });

  it.each(["serve", "check", "explain", "dev"])(
    "tells the options of %s and its exit codes",
    async (name) => {
      const { code, stdout, stderr } = await certgateOnce([name, "--help"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(new RegExp(`^certgate ${name} `));
      expect(stdout).toMatch(/^Exit code: 0 /m);
      // It is read in terminals of 80 columns.
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(90);
    },
  );
});

describe("certgate, used wrongly", () => {
  it("says so without a command, with exit code 2", async () => {
    const { code, stdout } = await certgateOnce([]);
    expect(code).toBe(2);
    expect(stdout).toContain("certgate COMMAND --help says more.");
  });

  it.each([
    [["chekc"], 'there is no command "chekc"'],
    [["constructor"], 'there is no command "constructor"'],
    [["check"], "--config is missing."],
    [["check", "--config"], "'--config <value>' argument missing."],
    [["check", "--config="], "--config is missing."],
    [["check", "--config", "--strict"], "'--config' argument is ambiguous."],
    [["check", "--config", "a.yaml", "--config", "b.yaml"], "--config stands twice."],
    [["check", "a.yaml"], "Unexpected argument 'a.yaml'."],
    [["serve", "--port", "1"], "Unknown option '--port'."],
    [["explain", "--config", "a.yaml"], "--cert is missing."],
    [["dev", "--port", "99999"], '--port must be a port from 0 to 65535, not "99999".'],
    [["dev", "--vault-port", "-1"], "argument is ambiguous."],
    [["dev", "--openai-port=x"], '--openai-port must be a port from 0 to 65535, not "x".'],
  ])("says of %j in one line what is wrong, with exit code 2", async (words, sentence) => {
    const { code, stdout, stderr } = await certgateOnce(words, { cwd: await tempDir() });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/^certgate[^\n]+\.\n$/);
  });
});
