import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { certgateOnce, type Ended } from "../support/cli.ts";
import { testPki } from "../support/test-pki.ts";

let folder: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "certgate-explain-"));
  const pki = await testPki();
  const { root, intermediate } = pki;
  const day = 86_400_000;
  const [unknown, revoked, expired] = await Promise.all([
    intermediate.issue({ subject: "CN=unknown" }),
    intermediate.issue({ subject: "CN=revoked" }),
    intermediate.issue({
      subject: "CN=expired",
      notBefore: new Date(Date.now() - 9 * day),
      notAfter: new Date(Date.now() - day),
    }),
  ]);
  const chains: Record<string, IssuedCertificate> = { allowed: pki.client, unknown, revoked, expired };
  const thumbprints = [pki.client, revoked, expired].map(({ thumbprint }) => thumbprint);
  const config = {
    listen: { certificate: { file: "server.pem", keyFile: "server.key" } },
    trust: {
      anchors: [{ file: "root.pem" }],
      revocation: { crls: [{ file: "root.crl" }, { file: "intermediate.crl" }] },
    },
    credentials: { gateway: { type: "managed-identity" } },
    // Nothing listens there: whatever tries to send something fails.
    backends: { main: { endpoint: "https://127.0.0.1:1", credential: "gateway" } },
    deployments: { "gpt-test": { backend: "main" }, "gpt-other": { backend: "main" } },
    routes: { erp: { kind: "http", path: "/erp/", backend: "main" } },
    clients: { device: { thumbprints, deployments: ["gpt-test"], routes: ["erp"] } },
  };
  const files: Record<string, string | Uint8Array> = {
    "certgate.yaml": JSON.stringify(config),
    "late.yaml": JSON.stringify({
      ...config,
      trust: { ...config.trust, revocation: { crls: [{ file: "root.crl" }, { file: "none.crl" }] } },
    }),
    "server.pem": pki.server.chainPem,
    "server.key": pki.server.keyPem,
    "root.pem": root.pem,
    "root.crl": pki.rootCrl.pem,
    "intermediate.crl": (await intermediate.crl({ revoked: [{ serial: revoked.serial }] })).pem,
    "none.crl": "no list",
    "leaf-only.der": pki.client.certificate,
    "garbage.pem": "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
    "damaged.pem": pki.client.chainPem.replace("-----END CERTIFICATE-----", ""),
    "key.pem": pki.client.keyPem,
    "chat.json": '{"model":"gpt-test","messages":[{"role":"user","content":"a secret prompt"}]}',
    "other.json": '{"model":"gpt-other","messages":[]}',
    "two.json": '{"model":"gpt-test","model":"gpt-other","messages":[]}',
  };
  for (const [name, { chainPem }] of Object.entries(chains)) files[`${name}.pem`] = chainPem;
  for (const [name, content] of Object.entries(files)) await writeFile(file(name), content);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const explain = (cert: string, ...words: string[]): Promise<Ended> =>
  certgateOnce(["explain", "--config", file("certgate.yaml"), "--cert", file(cert), ...words]);
const chat = ["--path", "/openai/v1/chat/completions"];

/** The marks of the four stages, in their order. */
const stagesOf = ({ stdout }: Ended) =>
  [...stdout.matchAll(/^\[(.)\] (caller|target|grant|backend)/gm)].map(
    ([, mark, stage]) => `${stage} ${mark}`,
  );

describe("certgate explain", () => {
  it("shows each stage of an allowed request, with exit code 0", async () => {
    const ended = await explain("allowed.pem", ...chat, "--body", file("chat.json"));
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(stagesOf(ended)).toEqual(["caller +", "target +", "grant +", "backend +"]);
    expect(ended.stdout).toMatch(/^ {4}\+ revocation +CN=device-1: .*\(RFC 5280 6\.3\)$/m);
    expect(ended.stdout).toMatch(/^ {4}\+ client-map +client device, by SHA-256 /m);
    expect(ended.stdout).toMatch(/^ {4}\+ target +chat-completions names gpt-test$/m);
    expect(ended.stdout).toMatch(/^ {4}- backend +forwarded to backend main$/m);
    expect(ended.stdout).toMatch(/\n\nallowed\n$/);
  });

  it("never shows the prompt", async () => {
    const { stdout } = await explain("allowed.pem", ...chat, "--body", file("chat.json"));
    expect(stdout).not.toContain("a secret prompt");
  });

  it("asks for the list of models where no path is given", async () => {
    const ended = await explain("allowed.pem");
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain("the gateway answers itself");
  });

  it("tells where a pass-through route leads", async () => {
    const ended = await explain("allowed.pem", "--path", "/erp/orders?id=7", "--method", "DELETE");
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain("passed through to backend main as /orders?id=7");
  });

  it.each([
    ["revoked", "client_certificate_revoked (HTTP 401)"],
    ["expired", "client_certificate_expired (HTTP 401)"],
    ["unknown", "client_unknown (HTTP 403)"],
  ])("names the reason why a client that is %s is denied, with exit code 3", async (name, reason) => {
    const ended = await explain(`${name}.pem`, ...chat, "--body", file("chat.json"));
    expect(ended.code).toBe(3);
    expect(stagesOf(ended)).toEqual(["caller x", "target  ", "grant  ", "backend  "]);
    expect(ended.stdout).toMatch(/^ {4}x /m);
    expect(ended.stdout).toContain(`\ndenied: ${reason}\n`);
  });

  it.each([
    ["a deployment that is not granted", "other.json", "deployment_not_permitted", "target +", "grant x"],
    ["two deployments", "two.json", "request_malformed", "target x", "grant  "],
  ])("denies %s at its stage", async (_what, body, reason, target, grant) => {
    const ended = await explain("allowed.pem", ...chat, "--body", file(body));
    expect(ended.code).toBe(3);
    expect(stagesOf(ended)).toEqual(["caller +", target, grant, "backend  "]);
    expect(ended.stdout).toContain(`\ndenied: ${reason} (HTTP `);
  });

  it.each([
    [
      "/openai/deployments/gpt-test/../gpt-other/chat/completions?api-version=2024-10-21",
      "request_malformed",
    ],
    ["/openai/v1/nothing", "operation_unknown"],
    ["no-slash", "request_malformed"],
  ])("denies the path %s", async (path, reason) => {
    const ended = await explain("allowed.pem", "--path", path);
    expect(ended.code).toBe(3);
    expect(stagesOf(ended).slice(0, 2)).toEqual(["caller +", "target x"]);
    expect(ended.stdout).toContain(`\ndenied: ${reason} (HTTP `);
  });

  it("takes a certificate in DER, and says what is missing above it", async () => {
    const ended = await explain("leaf-only.der");
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain("denied: client_certificate_untrusted");
  });

  it("denies what is a PEM block but no certificate", async () => {
    const ended = await explain("garbage.pem");
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain("denied: client_certificate_invalid");
  });

  it("warns of a source that cannot be loaded, and denies", async () => {
    const words = ["explain", "--config", file("late.yaml"), "--cert", file("allowed.pem")];
    const { code, stdout, stderr } = await certgateOnce(words);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^warning: .*none\.crl.* is not loaded: [^\n]+\n$/);
    expect(stdout).toContain("denied: revocation_unavailable (HTTP 503)");
  });

  it.each([
    ["absent.pem", "no such file"],
    ["damaged.pem", "is damaged|has no end line"],
    ["key.pem", "neither DER nor a PEM block"],
    [".", "illegal operation on a directory"],
  ])(
    "says of the certificate file %s in one line that it is of no use, with exit code 2",
    async (name, why) => {
      const { code, stdout, stderr } = await explain(name);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(new RegExp(`^certgate explain: --cert [^\\n]*(${why})[^\\n]*\\n$`));
    },
  );

  it("says of a body that is absent that it is of no use, with exit code 2", async () => {
    const { code, stderr } = await explain("allowed.pem", "--body", file("absent.json"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^certgate explain: --body [^\n]+no such file[^\n]+\n$/);
  });

  it("reports a wrong configuration as check does, with exit code 1", async () => {
    await writeFile(file("wrong.yaml"), "listen: {}\n");
    const words = ["--config", file("wrong.yaml")];
    const [checked, explained] = await Promise.all([
      certgateOnce(["check", ...words]),
      certgateOnce(["explain", ...words, "--cert", file("allowed.pem")]),
    ]);
    expect(explained).toMatchObject({ code: 1, stdout: "", stderr: checked.stderr });
  });
});
