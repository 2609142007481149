import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devClients } from "../../src/dev/dev-pki.ts";
import { type Answer, ask, type Question } from "../support/ask.ts";
import { certgate, run, type Running } from "../support/cli.ts";

let directory: string;
let running: Running;
let port: number;
let ca: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "certgate-clients-"));
  running = certgate(["dev", "--directory", directory, "--port", "0", "--admin-port", "0"]);
  port = Number((await running.wrote(/listens on https:\/\/localhost:(\d+)/))[1]);
  ca = await readFile(join(directory, "root-ca.pem"), "utf8");
});
afterAll(async () => {
  running.signal("SIGINT");
  await running.ended;
  await rm(directory, { recursive: true, force: true });
});

/** Asks with the files of `clients/`, as a device would. */
async function askAs(name: string, question: Question): Promise<Answer> {
  const read = (suffix: string) => readFile(join(directory, "clients", `${name}.${suffix}`), "utf8");
  return ask({ port, ca, client: { chainPem: await read("pem"), keyPem: await read("key") } }, question);
}

const completion = (model: string) => ({
  path: "/openai/v1/chat/completions",
  body: { model, messages: [{ role: "user", content: "hello" }] },
});

const reasons: Readonly<Record<string, readonly [status: number, code: string]>> = {
  unknown: [403, "client_unknown"],
  expired: [401, "client_certificate_expired"],
  "not-yet-valid": [401, "client_certificate_not_yet_valid"],
  revoked: [401, "client_certificate_revoked"],
  "wrong-usage": [401, "client_certificate_wrong_usage"],
  stranger: [401, "client_certificate_untrusted"],
  "self-signed": [401, "client_certificate_untrusted"],
};

describe("a client of the development PKI", () => {
  it("is of a kind that is tested here", () => {
    expect(["allowed", "other", ...Object.keys(reasons)].toSorted()).toEqual([...devClients].toSorted());
  });

  it("that is allowed gets its completion", async () => {
    const answer = await askAs("allowed", completion("gpt-4o"));
    expect(answer.status).toBe(200);
    expect(answer.json.choices[0].message.content).toBe("You said: hello");
  });

  it("that is allowed may not use what only the other may", async () => {
    const answer = await askAs("allowed", completion("gpt-4o-mini"));
    expect([answer.status, answer.json.error.code]).toEqual([403, "deployment_not_permitted"]);
  });

  it("with other deployments gets a completion from its own", async () => {
    expect((await askAs("other", completion("gpt-4o-mini"))).status).toBe(200);
  });

  it("with other deployments is refused the first one's", async () => {
    const answer = await askAs("other", completion("gpt-4o"));
    expect([answer.status, answer.json.error.code]).toEqual([403, "deployment_not_permitted"]);
  });

  it("with other deployments gets the same answer about a deployment that does not exist", async () => {
    const strange = await askAs("other", completion("gpt-9"));
    const forbidden = await askAs("other", completion("gpt-4o"));
    expect(strange.status).toBe(forbidden.status);
    expect(strange.json.error.message.replace("gpt-9", "gpt-4o")).toBe(forbidden.json.error.message);
  });

  it.each(Object.entries(reasons))(
    "that is %s is refused with its own reason, in the body, the header and the log",
    async (name, [status, code]) => {
      const answer = await askAs(name, completion("gpt-4o"));
      expect([answer.status, answer.json.error.code]).toEqual([status, code]);
      expect(answer.headers["x-certgate-reason"]).toBe(code);
      // Nobody is told more than the reason on a connection that is not trusted.
      expect(answer.headers.connection).toBe("close");
      const id = answer.headers["x-certgate-request-id"];
      const line = async () =>
        (await readFile(join(directory, "certgate.log"), "utf8"))
          .split("\n")
          .find((text) => text.includes(`"requestId":"${String(id)}"`));
      await expect.poll(line).toContain(`"reason":"${code}"`);
    },
  );

  it("without a certificate is told that one is missing", async () => {
    const answer = await ask({ port, ca }, completion("gpt-4o"));
    expect([answer.status, answer.json.error.code]).toEqual([401, "client_certificate_missing"]);
  });

  it("whose TLS library is curl's gets the same reasons", async () => {
    const codes = await Promise.all(
      Object.keys(reasons).map(async (name) => {
        const file = (path: string) => join(directory, path);
        const { stdout } = await run("curl", [
          "--silent",
          "--tls-max",
          "1.2",
          "--cacert",
          file("root-ca.pem"),
          "--cert",
          file(`clients/${name}.pem`),
          "--key",
          file(`clients/${name}.key`),
          `https://localhost:${port}/openai/v1/models`,
        ]).ended;
        return [name, (JSON.parse(stdout) as { error: { code: string } }).error.code];
      }),
    );
    expect(Object.fromEntries(codes)).toEqual(
      Object.fromEntries(Object.entries(reasons).map(([name, [, code]]) => [name, code])),
    );
  });

  it("cannot borrow another's intermediate to hide that it signed itself", async () => {
    const read = (name: string) => readFile(join(directory, name), "utf8");
    const chainPem = (await read("clients/self-signed.pem")) + (await read("intermediate-ca.pem"));
    const client = { chainPem, keyPem: await read("clients/self-signed.key") };
    const answer = await ask({ port, ca, client }, completion("gpt-4o"));
    expect([answer.status, answer.json.error.code]).toEqual([401, "client_certificate_untrusted"]);
  });
});
