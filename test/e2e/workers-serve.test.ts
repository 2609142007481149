import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ask, begin } from "../support/ask.ts";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
});
afterAll(() => world.stop());

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "one two three" }] },
};

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("certgate serve --workers", () => {
  it("answers from every worker, logs whole lines with the worker's index, and ends at SIGTERM", async () => {
    const { running, asker } = await world.serveAndWait(["--workers", "3"]);
    await Promise.all(Array.from({ length: 60 }, () => ask(asker, question)));
    running.signal("SIGTERM");
    const { code, stdout, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, ""]);
    const lines = linesOf(stdout);
    const requests = lines.filter(({ msg }) => msg === "request");
    expect(requests.map(({ status }) => status)).toEqual(Array.from({ length: 60 }, () => 200));
    // 60 connections over 3 workers: that one gets none is less likely than 1 in 10^10.
    expect(new Set(requests.map(({ worker }) => worker))).toEqual(new Set([0, 1, 2]));
    expect(lines.at(-1)).toMatchObject({ msg: "certgate has stopped" });
    expect(lines.at(-1)).not.toHaveProperty("worker");
    expect(stdout).not.toContain("one two three");
  });

  it("adds up what the workers counted, and tells the readiness of each", async () => {
    const { running, asker, admin } = await world.serveAndWait(["--workers", "2"]);
    await Promise.all(Array.from({ length: 20 }, () => ask(asker, question)));
    const page = (await admin("/metrics")).text;
    const requests = [...page.matchAll(/^certgate_requests_total\{[^}]*\} (\d+)$/gm)];
    expect(requests.map(([, count]) => count)).toEqual(["20"]);
    expect(page).toContain('certgate_workers{phase="ready"} 2');
    expect(page).toContain('certgate_source_state{source="credential gateway",state="fresh"} 1');
    const { status, text } = await admin("/readyz");
    expect(status).toBe(200);
    const names = (JSON.parse(text) as { items: { name: string }[] }).items.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["workers", "worker 0: listener", "worker 1: credential gateway"]),
    );
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });

  it("lets streams under way end after SIGTERM, and says meanwhile that it shuts down", async () => {
    const { running, asker, admin } = await world.serveAndWait(["--workers", "2"]);
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    onTestFinished(() => world.azure.openAi.setPace({}));
    const streams = await Promise.all(
      Array.from({ length: 6 }, () =>
        begin(asker, { ...question, body: { ...question.body, stream: true } }),
      ),
    );
    await Promise.all(streams.map((stream) => once(stream, "readable")));
    running.signal("SIGTERM");
    await running.wrote(/"worker":0[^\n]*the worker is stopping/);
    await running.wrote(/"worker":1[^\n]*the worker is stopping/);
    const ready = await admin("/readyz");
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining("shutting down")]);
    gate.resolve();
    for (const stream of streams) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString("utf8")).toContain("data: [DONE]");
    }
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("ends at once, workers and all, at a second signal", async () => {
    const { running, asker } = await world.serveAndWait(["--workers", "2"]);
    world.azure.openAi.setPace({ afterEvent: () => new Promise(() => {}) });
    onTestFinished(() => world.azure.openAi.setPace({}));
    const stream = await begin(asker, { ...question, body: { ...question.body, stream: true } });
    const broken = once(stream, "error");
    await once(stream, "readable");
    running.signal("SIGTERM");
    await running.wrote(/the worker is stopping/);
    running.signal("SIGTERM");
    // Also the workers' end: their output is the supervisor's.
    expect((await running.ended).code).toBe(130);
    expect((await broken)[0]).toMatchObject({ code: "ECONNRESET" });
  });

  it("ends its workers, after their drain, when the supervisor is killed", async () => {
    const { running, asker } = await world.serveAndWait(["--workers", "2"]);
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    onTestFinished(() => world.azure.openAi.setPace({}));
    const stream = await begin(asker, { ...question, body: { ...question.body, stream: true } });
    await once(stream, "readable");
    running.signal("SIGKILL");
    await running.wrote(/"worker":0[^\n]*the worker is stopping/);
    gate.resolve();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString("utf8")).toContain("data: [DONE]");
    // Resolves only when nobody holds the output open any more.
    const { stdout } = await running.ended;
    expect(stdout.match(/the worker has stopped/g)).toHaveLength(2);
  });

  it.each([
    ["listen", "the gateway's port", "listen.port"],
    ["admin", "the admin port", "admin.port"],
  ] as const)("says in one line that the port of %s is busy, and ends", async (section, what, setting) => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const running = await world.serve(["--workers", "2"], (config) => {
      config[section].port = port;
    });
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toBe(
      `certgate serve: ${what} 127.0.0.1:${port} is in use already; choose another ${setting}: ` +
        `listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    );
  });

  it("ends with a worker's own reason when none can serve", async () => {
    const running = await world.serve(["--workers", "2"], (config) => {
      config["listen"].certificate = { file: "root.pem", keyFile: "server.key" };
    });
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^certgate serve: the gateway's own TLS certificate could not be loaded: [^\n]+\n$/,
    );
  });

  it("refuses a number of workers that is none", async () => {
    const { code, stderr } = await (await world.serve(["--workers", "some"])).ended;
    expect([code, stderr]).toEqual([
      2,
      'certgate serve: --workers must be auto or a number from 1 to 256, not "some". See certgate serve --help.\n',
    ]);
  });
});
