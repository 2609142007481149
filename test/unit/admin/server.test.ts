import { once } from "node:events";
import { get } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { startAdminServer } from "../../../src/admin/server.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";

const host = "127.0.0.1";

describe("startAdminServer", () => {
  it("serves the app on the port that it tells", async () => {
    const admin = await startAdminServer({
      host,
      port: 0,
      app: (_request, response) => response.end("hello"),
    });
    onTestFinished(() => admin.stop());
    expect(admin.port).toBeGreaterThan(0);
    expect(await (await fetch(`http://${host}:${admin.port}/`)).text()).toBe("hello");
  });

  it("names the port and the setting when the port is busy", async () => {
    const other = createServer().listen(0, host);
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const start = startAdminServer({ host, port, app: () => {} });
    await expect(start).rejects.toThrow(
      `the admin port ${host}:${port} is in use already; choose another admin.port`,
    );
    await expect(start).rejects.toThrow(GatewayError);
  });

  it("names the setting when the host is no address of this machine", async () => {
    // TEST-NET-1 (RFC 5737): no machine has it.
    const start = startAdminServer({ host: "192.0.2.1", port: 0, app: () => {} });
    await expect(start).rejects.toThrow(
      "is no address of this machine; see admin.port and the host beside it",
    );
  });

  it("lets an answer under way end, and then stops at once though the connection is kept alive", async () => {
    const asked = Promise.withResolvers<() => void>();
    const admin = await startAdminServer({
      host,
      port: 0,
      app: (_request, response) => asked.resolve(() => response.end("late")),
    });
    const answer = fetch(`http://${host}:${admin.port}/`).then((response) => response.text());
    const finish = await asked.promise;
    const began = performance.now();
    const stopped = admin.stop();
    finish();
    expect(await answer).toBe("late");
    await stopped;
    // Well below the second after which every connection is closed whatever it does.
    expect(performance.now() - began).toBeLessThan(700);
    await expect(fetch(`http://${host}:${admin.port}/`)).rejects.toThrow("fetch failed");
  });

  it("stops though an answer never ends", async () => {
    const asked = Promise.withResolvers<void>();
    const admin = await startAdminServer({ host, port: 0, app: () => asked.resolve() });
    const hanging = get({ host, port: admin.port });
    const broken = once(hanging, "error");
    await asked.promise;
    await admin.stop();
    expect((await broken)[0]).toMatchObject({ code: "ECONNRESET" });
  });

  it("may be stopped twice", async () => {
    const admin = await startAdminServer({ host, port: 0, app: () => {} });
    await admin.stop();
    await expect(admin.stop()).resolves.toBeUndefined();
  });

  describe("with a successor on the same port", () => {
    const answering = (text: string, port = 0) =>
      startAdminServer({ host, port, reusePort: true, app: (_request, response) => response.end(text) });
    const heard = async (port: number) => {
      const answers = new Set<string>();
      for (let at = 0; at < 20; at += 1)
        answers.add(
          await (await fetch(`http://${host}:${port}/`, { headers: { connection: "close" } })).text(),
        );
      return answers;
    };

    it("leaves the port to it", async () => {
      const old = await answering("old");
      onTestFinished(() => old.stop());
      const next = await answering("next", old.port);
      onTestFinished(() => next.stop());
      await old.yieldToSuccessor();
      expect(await heard(old.port)).toEqual(new Set(["next"]));
    });

    it("stays where there is none, and makes room for one that comes later", async () => {
      const old = await answering("old");
      onTestFinished(() => old.stop());
      await old.yieldToSuccessor();
      expect(await heard(old.port)).toEqual(new Set(["old"]));
      const next = await answering("next", old.port);
      onTestFinished(() => next.stop());
      await old.stop();
      expect(await heard(old.port)).toEqual(new Set(["next"]));
    });

    it("may be stopped after it yielded", async () => {
      const old = await answering("old");
      const next = await answering("next", old.port);
      onTestFinished(() => next.stop());
      await old.yieldToSuccessor();
      await expect(old.stop()).resolves.toBeUndefined();
    });
  });

  it("does not share its port unless it is told to", async () => {
    const admin = await startAdminServer({ host, port: 0, app: () => {} });
    onTestFinished(() => admin.stop());
    await expect(
      startAdminServer({ host, port: admin.port, reusePort: true, app: () => {} }),
    ).rejects.toThrow("is in use already");
  });
});
