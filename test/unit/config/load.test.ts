import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { formatProblems } from "../../../src/config/problem.ts";
import type { Problem } from "../../../src/config/problem.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "certgate-config-"));
  await mkdir(join(folder, "pki"));
  for (const name of ["server.pem", "server.key", "root.pem", "root.crl"])
    await writeFile(join(folder, "pki", name), "x");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const hex = (digit: string) => digit.repeat(64);
const good = {
  listen: { certificate: { file: "pki/server.pem", keyFile: "pki/server.key" } },
  trust: { anchors: [{ file: "pki/root.pem" }], revocation: { crls: [{ file: "pki/root.crl" }] } },
  keyVaults: { main: { url: "https://main.vault.azure.net", credential: "gateway" } },
  credentials: { gateway: { type: "managed-identity" } },
  backends: { sweden: { endpoint: "https://x.openai.azure.com", credential: "gateway" } },
  deployments: { "gpt-4o": { backend: "sweden" } },
  routes: { erp: { kind: "http", path: "/erp/", backend: "sweden" } },
  clients: { robot: { thumbprints: [hex("a")], deployments: ["gpt-4o"] } },
};
// oxlint-disable-next-line typescript/no-explicit-any -- a draft may be wrong in any place and any way
type Draft = Record<string, any>;

/** Loads text, or the good configuration after a change. JSON is YAML. */
async function load(change: string | Uint8Array | ((draft: Draft) => void)) {
  const file = join(folder, "certgate.yaml");
  if (typeof change === "function") {
    const draft: Draft = structuredClone(good);
    change(draft);
    await writeFile(file, JSON.stringify(draft, undefined, 2));
  } else await writeFile(file, change);
  return loadConfig(file);
}
const problemsOf = async (change: Parameters<typeof load>[0]): Promise<readonly Problem[]> =>
  (await load(change)).problems;
/** The only problem. */
async function problemOf(change: Parameters<typeof load>[0]): Promise<Problem> {
  const problems = await problemsOf(change);
  expect(formatProblems(problems).split("\n")).toHaveLength(2);
  return problems[0]!;
}

describe("a good configuration", () => {
  it("is loaded with its defaults", async () => {
    const outcome = await load(() => {});
    expect(outcome.problems).toEqual([]);
    expect(outcome.ok && outcome.config).toMatchObject({
      listen: { host: "0.0.0.0", port: 8443 },
      admin: { host: "127.0.0.1", port: 9443 },
      identity: { allowSha1Thumbprints: false },
    });
  });

  it("has absolute paths, from its own folder", async () => {
    const outcome = await load(() => {});
    const inFolder = (name: string) => resolve(folder, "pki", name);
    expect(outcome.ok && outcome.config).toMatchObject({
      listen: { certificate: { file: inFolder("server.pem"), keyFile: inFolder("server.key") } },
      trust: {
        anchors: [{ file: inFolder("root.pem") }],
        revocation: { crls: [{ file: inFolder("root.crl") }] },
      },
    });
  });

  it("has mappings in which no inherited name resolves", async () => {
    const outcome = await load(() => {});
    if (!outcome.ok) throw new Error(formatProblems(outcome.problems));
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"])
      for (const section of [
        "deployments",
        "backends",
        "credentials",
        "clients",
        "routes",
        "keyVaults",
      ] as const)
        expect(outcome.config[section][name]).toBeUndefined();
  });

  it("may have a deployment whose name is one of JavaScript's own", async () => {
    const outcome = await load((draft) => {
      draft["deployments"].constructor = { backend: "sweden" };
      draft["clients"].robot.deployments.push("constructor");
    });
    expect(outcome.ok && outcome.config.deployments["constructor"]).toMatchObject({ backend: "sweden" });
  });
});

describe("a file that cannot be loaded", () => {
  it.each([
    ["that does not exist", async () => join(folder, "none.yaml"), "does not exist"],
    ["that is a directory", async () => folder, "is a directory"],
    ["below a file", async () => join(folder, "pki/root.pem/x"), "does not exist"],
    ["that is a device", async () => "/dev/zero", "not a regular file"],
    [
      "that links to itself",
      async () => {
        await symlink("loop", join(folder, "loop"));
        return join(folder, "loop");
      },
      "leads back to itself",
    ],
  ])("is one problem: one %s", async (_, make, message) => {
    const outcome = await loadConfig(await make());
    expect(outcome).toMatchObject({
      ok: false,
      problems: [{ path: "", message: expect.stringContaining(message) }],
    });
  });

  it.each([
    ["nothing", "", "is empty"],
    ["a comment only", "# nothing yet\n", "is empty"],
    ["a list", "- a\n", "is not a mapping"],
    ["a word", "certgate", "is not a mapping"],
    ["Latin-1", Buffer.from("# gr\u00fc\u00dfe\n", "latin1"), "UTF-8"],
    ["UTF-16", Buffer.from("a: 1", "utf16le"), ""],
    ["too much", Buffer.alloc(17 * 1024 * 1024, "#"), "16 MiB"],
    ["two documents", "a: 1\n---\nb: 2\n", "YAML"],
    ["an alias without an anchor", "a: *b\n", "YAML"],
    ["a bracket that stays open", "a: [1\n", "YAML"],
    ["a tab as indent", "a:\n\tb: 1\n", "YAML"],
    ["an unknown tag", "a: !include x\n", "YAML"],
    [
      "an alias bomb",
      `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(", ")}]`).join("\n")}\n`,
      "YAML",
    ],
  ])("is problems, never a throw: %s", async (_, content, message) => {
    const outcome = await load(content);
    expect(outcome.ok).toBe(false);
    expect(formatProblems(outcome.problems)).toContain(message);
  });

  it("says the line of a syntax error", async () => {
    expect((await problemsOf("listen:\n  host: [\n"))[0]).toMatchObject({ line: 3 });
  });
});

describe("keys", () => {
  it("reports a key that stands twice, with the second one's line, and goes on", async () => {
    const problems = await problemsOf("log: { level: info }\nlog: { level: loud }\n");
    expect(problems).toContainEqual(
      expect.objectContaining({ line: 2, column: 1, message: "a key stands twice in one mapping" }),
    );
    expect(problems.map(({ path }) => path)).toContain("clients");
  });

  it("reports a client that stands twice", async () => {
    expect(formatProblems(await problemsOf("clients:\n  a: {}\n  a: {}\n"))).toContain(
      "line 3, column 3: a key stands twice",
    );
  });

  it("reports `__proto__` as a name, which would vanish otherwise", async () => {
    const outcome = await load(JSON.stringify(good).replace('"robot"', '"__proto__"'));
    expect(formatProblems(outcome.problems)).toContain("`__proto__` is not a name");
  });

  it.each<[string, (draft: Draft) => void, Partial<Problem>]>([
    [
      "an unknown key, with what was meant",
      (draft) => (draft["clients"].robot.deploymnts = []),
      { path: "clients.robot.deploymnts", hint: 'Did you mean "deployments"?' },
    ],
    [
      "an unknown key in another case",
      (draft) => (draft["identity"] = { allowSHA1Thumbprints: true }),
      { path: "identity.allowSHA1Thumbprints", hint: 'Did you mean "allowSha1Thumbprints"?' },
    ],
    [
      "an unknown key at the top",
      (draft) => (draft["zzz"] = 1),
      { path: "zzz", hint: expect.stringContaining("Known here: listen, admin") },
    ],
    ["a missing section", (draft) => delete draft["clients"], { path: "clients", message: "is missing" }],
    [
      "a missing key",
      (draft) => delete draft["backends"].sweden.credential,
      { path: "backends.sweden.credential", message: "is missing" },
    ],
    ["an empty section", (draft) => (draft["log"] = null), { path: "log", message: "is empty" }],
    [
      "a wrong type",
      (draft) => (draft["listen"].port = "8443"),
      { path: "listen.port", message: 'must be a number, not the string "8443"' },
    ],
    [
      "a number out of range",
      (draft) => (draft["listen"].port = 65_536),
      { path: "listen.port", message: "must be at most 65535" },
    ],
    [
      "a zero where more is needed",
      (draft) => (draft["timeouts"] = { idleSeconds: 0 }),
      { path: "timeouts.idleSeconds", message: "must be more than 0" },
    ],
    [
      "a thumbprint that YAML reads as a number",
      (draft) => (draft["clients"].robot.thumbprints = [12]),
      { path: "clients.robot.thumbprints[0]", hint: "Put the value in quotes." },
    ],
    [
      "an empty list of thumbprints",
      (draft) => (draft["clients"].robot.thumbprints = []),
      { path: "clients.robot.thumbprints", message: "must not be empty" },
    ],
    [
      "a wrong choice",
      (draft) => (draft["trust"].revocation.mode = "Hard"),
      {
        path: "trust.revocation.mode",
        message: 'must be "hard" or "soft" or "off"',
        hint: 'Did you mean "hard"?',
      },
    ],
    [
      "a name with a space",
      (draft) => (draft["clients"]["press robot"] = { thumbprints: [hex("b")], routes: ["erp"] }),
      { path: 'clients["press robot"]', message: "is not a name" },
    ],
    [
      "a half-written form of a union, by the form that was meant",
      (draft) => draft["trust"].anchors.push({ keyVault: "main" }),
      {
        path: "trust.anchors[1].certificate",
        message: "is missing",
        hint: expect.stringContaining("{ keyVault, secret }"),
      },
    ],
    [
      "plain http",
      (draft) => (draft["backends"].sweden.endpoint = "http://x"),
      { path: "backends.sweden.endpoint", message: "must be an https:// URL" },
    ],
    [
      "two ways to name one identity",
      (draft) => (draft["credentials"].gateway = { type: "managed-identity", clientId: "a", objectId: "b" }),
      { path: "credentials.gateway" },
    ],
  ])("reports %s", async (_, change, problem) => {
    expect(await problemOf(change)).toMatchObject(problem);
  });
});

describe("cross checks", () => {
  it.each<[string, (draft: Draft) => void, string, string]>([
    [
      "a deployment without a backend",
      (d) => (d["deployments"]["gpt-4o"].backend = "swedn"),
      "deployments.gpt-4o.backend",
      'Did you mean "sweden"?',
    ],
    [
      "a backend without a credential",
      (d) => (d["backends"].sweden.credential = "x"),
      "backends.sweden.credential",
      "Known here: gateway.",
    ],
    [
      "a vault without a credential",
      (d) => (d["keyVaults"].main.credential = "x"),
      "keyVaults.main.credential",
      "Known here",
    ],
    [
      "an anchor in an unknown vault",
      (d) => d["trust"].anchors.push({ keyVault: "man", secret: "x" }),
      "trust.anchors[1].keyVault",
      'Did you mean "main"?',
    ],
    [
      "an intermediate in an unknown vault",
      (d) => (d["trust"].intermediates = [{ keyVault: "x", certificate: "x" }]),
      "trust.intermediates[0].keyVault",
      "",
    ],
    [
      "a server certificate in an unknown vault",
      (d) => (d["listen"].certificate = { keyVault: "x", certificate: "x" }),
      "listen.certificate.keyVault",
      "",
    ],
    [
      "a client of an unknown deployment",
      (d) => d["clients"].robot.deployments.push("gpt-4"),
      "clients.robot.deployments[1]",
      'Did you mean "gpt-4o"?',
    ],
    [
      "a client of an unknown route",
      (d) => (d["clients"].robot.routes = ["crm"]),
      "clients.robot.routes[0]",
      "",
    ],
    ["a route to an unknown backend", (d) => (d["routes"].erp.backend = "x"), "routes.erp.backend", ""],
    [
      "a name that every object inherits",
      (d) => d["clients"].robot.deployments.push("constructor"),
      "clients.robot.deployments[1]",
      "Known here: gpt-4o.",
    ],
    [
      "the wildcard beside a name",
      (d) => d["clients"].robot.deployments.push("*"),
      "clients.robot.deployments[1]",
      "",
    ],
    [
      "a client that may use nothing",
      (d) => delete d["clients"].robot.deployments,
      "clients.robot",
      "Add what it may use",
    ],
    [
      "a client with two empty lists",
      (d) => (d["clients"].robot = { thumbprints: [hex("a")], deployments: [], routes: [] }),
      "clients.robot",
      "",
    ],
    [
      "hard revocation without a CRL",
      (d) => delete d["trust"].revocation,
      "trust.revocation.crls",
      "mode: off",
    ],
    [
      "soft revocation without a CRL",
      (d) => (d["trust"].revocation = { mode: "soft", graceSeconds: 60 }),
      "trust.revocation.crls",
      "",
    ],
    [
      "a grace with hard revocation",
      (d) => (d["trust"].revocation.graceSeconds = 60),
      "trust.revocation.graceSeconds",
      "mode: soft",
    ],
    [
      "soft revocation without a grace",
      (d) => (d["trust"].revocation.mode = "soft"),
      "trust.revocation.graceSeconds",
      "mode: hard",
    ],
    [
      "CRLs without an end and without a largest age",
      (d) => (d["trust"].revocation.crlWithoutNextUpdate = "accept"),
      "trust.revocation.crlWithoutNextUpdate",
      "maxCrlAgeSeconds",
    ],
    [
      "distribution points while revocation is off",
      (d) => (d["trust"].revocation = { mode: "off", distributionPoints: { enabled: true } }),
      "trust.revocation.distributionPoints.enabled",
      "",
    ],
    [
      "an option of distribution points that are not followed",
      (d) => (d["trust"].revocation.distributionPoints = { maxBytes: 1000 }),
      "trust.revocation.distributionPoints.maxBytes",
      "enabled: true",
    ],
    ["a route below the inference lane", (d) => (d["routes"].erp.path = "/openai/x/"), "routes.erp.path", ""],
    [
      "a route at the inference lane, in another case",
      (d) => (d["routes"].erp.path = "/OpenAI/"),
      "routes.erp.path",
      "",
    ],
    ["a route at /model/", (d) => (d["routes"].erp.path = "/model/"), "routes.erp.path", ""],
    ["a route at /models/", (d) => (d["routes"].erp.path = "/models/"), "routes.erp.path", ""],
    ["a route with dot segments", (d) => (d["routes"].erp.path = "/erp/../openai/"), "routes.erp.path", ""],
    ["two routes of one path", (d) => (d["routes"].two = { ...d["routes"].erp }), "routes.two.path", ""],
    [
      "a route below another",
      (d) => (d["routes"].two = { ...d["routes"].erp, path: "/ERP/two/" }),
      "routes.two.path",
      "",
    ],
    [
      "a malformed thumbprint",
      (d) => d["clients"].robot.thumbprints.push("xyz"),
      "clients.robot.thumbprints[1]",
      "openssl x509",
    ],
    [
      "a thumbprint of a wrong length",
      (d) => d["clients"].robot.thumbprints.push("abcd"),
      "clients.robot.thumbprints[1]",
      "",
    ],
    [
      "a SHA-1 thumbprint while they are switched off",
      (d) => d["clients"].robot.thumbprints.push("b".repeat(40)),
      "clients.robot.thumbprints[1]",
      "allowSha1Thumbprints: true",
    ],
    [
      "a thumbprint twice on a client, in two spellings",
      (d) => d["clients"].robot.thumbprints.push(`\u200e${"AA:".repeat(31)}AA`),
      "clients.robot.thumbprints[1]",
      "Remove one",
    ],
    [
      "a thumbprint on two clients",
      (d) => (d["clients"].crane = { thumbprints: [hex("A")], routes: ["erp"] }),
      "clients.crane.thumbprints[0]",
      "A certificate is one client",
    ],
    [
      "a file that does not exist",
      (d) => (d["listen"].certificate.keyFile = "pki/none.key"),
      "listen.certificate.keyFile",
      "configuration's folder",
    ],
    ["a file that is a folder", (d) => (d["trust"].anchors[0].file = "pki"), "trust.anchors[0].file", ""],
    [
      "a CA file that does not exist",
      (d) => (d["backends"].sweden.caFile = "none.pem"),
      "backends.sweden.caFile",
      "",
    ],
    [
      "a vault's CA file that does not exist",
      (d) => (d["keyVaults"].main.caFile = "none.pem"),
      "keyVaults.main.caFile",
      "",
    ],
    [
      "a CRL file that does not exist",
      (d) => (d["trust"].revocation.crls[0].file = "none.crl"),
      "trust.revocation.crls[0].file",
      "",
    ],
    [
      "a password in an endpoint",
      (d) => (d["backends"].sweden.endpoint = "https://u:p@x"),
      "backends.sweden.endpoint",
      "",
    ],
    [
      "a query in an endpoint",
      (d) => (d["backends"].sweden.endpoint = "https://x?api-version=1"),
      "backends.sweden.endpoint",
      "",
    ],
  ])("report %s", async (_, change, path, hint) => {
    const problem = await problemOf(change);
    expect(problem.path).toBe(path);
    expect(problem.hint).toContain(hint);
    expect(problem.line).toBeGreaterThan(0);
  });

  it("take a SHA-1 thumbprint where they are switched on", async () => {
    const problems = await problemsOf((draft) => {
      draft["identity"] = { allowSha1Thumbprints: true };
      draft["clients"].robot.thumbprints.push("b".repeat(40));
    });
    expect(problems).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)("report a file that may not be read", async () => {
    await chmod(join(folder, "pki/server.key"), 0);
    expect((await problemOf(() => {})).message).toContain("permission denied");
  });

  it("are all reported at once, with what is wrong in the shapes, in the order of the file", async () => {
    const problems = await problemsOf((draft) => {
      draft["listen"].port = "x";
      draft["deployments"]["gpt-4o"].backend = "x";
      draft["clients"].robot.deployments.push("y");
      draft["clients"].robot.thumbprints.push("z");
      draft["extra"] = 1;
    });
    expect(problems.map(({ path }) => path)).toEqual([
      "listen.port",
      "deployments.gpt-4o.backend",
      "clients.robot.thumbprints[1]",
      "clients.robot.deployments[1]",
      "extra",
    ]);
  });

  it("do not repeat a password of an endpoint", async () => {
    const problems = await problemsOf(
      (draft) => (draft["backends"].sweden.endpoint = "https://user:hunter2@x"),
    );
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });
});

describe("formatProblems", () => {
  it("writes the place, the problem and the hint of each", () => {
    expect(
      formatProblems([
        { path: "clients.robot", message: "is missing", hint: "Add it.", line: 3, column: 5 },
        { path: "", message: "x.yaml: is empty", hint: "Fill it." },
      ]),
    ).toBe("line 3, column 5: clients.robot: is missing\n    Add it.\nx.yaml: is empty\n    Fill it.");
  });
});
