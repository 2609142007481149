import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { certgate, type Ended, run, type Running } from "../support/cli.ts";
import { tempDir } from "../support/temp-dir.ts";

const freePorts = ["--port", "0", "--admin-port", "0"];
const started = /Ctrl-C stops everything\./;

let parent: string;
let directory: string;
let first: Running;
let welcome: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "certgate-dev-"));
  // A name that a shell would take for several words: the printed lines must hold all the same.
  directory = join(parent, "it's $HOME");
  first = certgate(["dev", "--directory", directory, ...freePorts]);
  welcome = (await first.wrote(started)).input;
});
afterAll(async () => {
  first.signal("SIGINT");
  await first.ended;
  await rm(parent, { recursive: true, force: true });
});

/** Runs a line that was printed, in the folder in which it was printed. */
const copied = (line: string | undefined): Promise<Ended> => run("sh", ["-c", line ?? "false"]).ended;
const [answerLine, streamLine, refusalLine] = [0, 1, 2].map(
  (index) => () => [...welcome.matchAll(/^ {2}(curl .*)$/gm)][index]?.[1],
) as [() => string | undefined, () => string | undefined, () => string | undefined];

/** A free-standing copy of the folder that the first start made, for a start on a warm folder. */
async function warmFolder(): Promise<string> {
  const copy = await tempDir();
  await cp(directory, copy, { recursive: true });
  return copy;
}

async function startIn(folder: string, ...words: string[]): Promise<Running> {
  const running = certgate(["dev", "--directory", folder, ...words]);
  onTestFinished(async () => {
    running.signal("SIGKILL");
    await running.ended;
  });
  return running;
}

async function busyPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe("the first start of certgate dev", () => {
  it("makes the PKI with a client for each thing that can be wrong", async () => {
    expect(welcome).toMatch(/^PKI in .*: 14 made$/m);
    const names = await readdir(directory, { recursive: true });
    const authorities = ["root-ca.pem", "intermediate-ca.pem", "crl/root-ca.pem", "crl/intermediate-ca.pem"];
    const clients =
      "allowed other unknown expired not-yet-valid revoked wrong-usage stranger self-signed".split(" ");
    const pairs = ["server", ...clients.map((name) => `clients/${name}`)].flatMap((name) => [
      `${name}.pem`,
      `${name}.key`,
    ]);
    expect(names).toEqual(expect.arrayContaining([...authorities, ...pairs]));
  });

  it("prints the ports on which it listens", async () => {
    const [, port, adminPort] =
      /listens on https:\/\/localhost:(\d+), its admin port is http:\/\/127\.0\.0\.1:(\d+)/.exec(welcome) ??
      [];
    expect(await accepts(Number(port))).toBe(true);
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect(ready.status).toBe(200);
  });

  it("keeps the log out of the terminal", async () => {
    expect(welcome).not.toContain('"level"');
    expect(await readFile(join(directory, "certgate.log"), "utf8")).toContain("certgate is listening");
  });
});

describe("a line that certgate dev prints", () => {
  it("gets an answer as it stands", async () => {
    const { code, stdout } = await copied(answerLine());
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { content: "You said: Say hello" } }],
    });
  });

  it("gets a stream as it stands", async () => {
    const { code, stdout } = await copied(streamLine());
    expect(code).toBe(0);
    const events = stdout.split("\n\n").filter((event) => event !== "");
    expect(events.length).toBeGreaterThan(4);
    expect(events.at(-1)).toBe("data: [DONE]");
  });

  it("gets a refusal with its reason as it stands", async () => {
    const { code, stdout } = await copied(refusalLine());
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "client_certificate_revoked" } });
  });

  it("explains the refusal as it stands", async () => {
    const { code, stdout } = await copied(/^ {2}(npm run certgate .*)$/m.exec(welcome)?.[1]);
    expect(code).toBe(3);
    expect(stdout).toContain("denied: client_certificate_revoked (HTTP 401)");
  });
});

describe("a start of certgate dev on a warm folder", () => {
  it("reuses the PKI", async () => {
    const spawned = performance.now();
    const running = await startIn(await warmFolder(), ...freePorts);
    const { input } = await running.wrote(/self-check passed/);
    console.log(`certgate dev: ${Math.round(performance.now() - spawned)} ms from spawn to self-check`);
    expect(input).toMatch(/^PKI in .*: 14 reused$/m);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("stops everything at %s, with exit code 0", async (signal) => {
    const running = await startIn(await warmFolder(), ...freePorts);
    const { input } = await running.wrote(started);
    const ports = [...input.matchAll(/(?:localhost|127\.0\.0\.1):(\d+)/g)].map(([, port]) => Number(port));
    expect(ports.length).toBeGreaterThan(1);
    running.signal(signal);
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
    expect(await Promise.all(ports.map(accepts))).toEqual(ports.map(() => false));
  });
});

describe("certgate dev on a busy port", () => {
  it.each([
    ["the gateway's port", "--port", ["--admin-port", "0"]],
    ["the admin port", "--admin-port", ["--port", "0"]],
    ["the local Key Vault's port", "--vault-port", freePorts],
    ["the local managed identity endpoint's port", "--identity-port", freePorts],
    ["the local Azure OpenAI's port", "--openai-port", freePorts],
  ] as const)("says in one line that it is %s, and ends", async (what, option, others) => {
    const port = await busyPort();
    const running = await startIn(await warmFolder(), option, String(port), ...others);
    // That it ends by itself is the proof that nothing was left open.
    const { code, stderr, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^certgate dev: [^\n]+\n$/);
    expect(stderr).toContain(`${what} 127.0.0.1:${port} is in use already; choose another ${option}`);
    expect(stdout).not.toContain("self-check");
  });

  it("changes no file of the gateway that holds the port", async () => {
    const folder = await warmFolder();
    const files = async () => {
      const names = (await readdir(folder)).filter((name) => name.includes(".yaml"));
      return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")]));
    };
    const before = await files();
    expect(before).toHaveLength(2);
    const running = await startIn(folder, "--port", String(await busyPort()), "--admin-port", "0");
    expect((await running.ended).code).toBe(1);
    expect(await files()).toEqual(before);
  });
});
