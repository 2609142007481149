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
});
