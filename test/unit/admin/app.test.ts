import { createServer, request, type IncomingHttpHeaders } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAdminApp, type AdminOptions } from "../../../src/admin/app.ts";
import type { Logger } from "../../../src/kernel/logger.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks a running admin app; the path goes out exactly as it is written. */
async function ask(options: Partial<AdminOptions>, path: string, method = "GET"): Promise<Answer> {
  const metrics = createMetrics({ version: "1.2.3", clock: systemClock });
  const server = createServer(createAdminApp({ readiness: () => [], metrics, ...options }));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const asking = request({ host: "127.0.0.1", port, path, method });
  asking.end();
  const answered = Promise.withResolvers<Answer>();
  asking.on("error", answered.reject);
  asking.on("response", (response) => {
    const { statusCode: status, headers } = response;
    text(response).then((body) => answered.resolve({ status, headers, body }), answered.reject);
  });
  return answered.promise;
}

const fails = () => {
  throw new Error("inner workings");
};

describe("the admin app", () => {
  it("answers /healthz while the process is up, ready or not", async () => {
    const { status, body } = await ask({ readiness: () => [{ name: "anchors", ok: false }] }, "/healthz");
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 200, body: { status: "ok" } });
  });

  it("is ready when every item is", async () => {
    const items = [
      { name: "anchors", ok: true, ageSeconds: 3 },
      { name: "token", ok: true, detail: "the refresh is overdue" },
    ];
    const { status, body } = await ask({ readiness: () => items }, "/readyz");
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 200, body: { status: "ready", items } });
  });

  it("is not ready when one item is not, and shows every item", async () => {
    const items = [
      { name: "anchors", ok: true },
      { name: "crl", ok: false, detail: "not fetched yet" },
    ];
    const { status, body } = await ask({ readiness: () => items }, "/readyz");
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 503, body: { status: "not ready", items } });
  });

  it("is not ready when nothing is wired", async () => {
    expect((await ask({ readiness: () => [] }, "/readyz")).status).toBe(503);
  });

  it("serves Prometheus' text with its content type", async () => {
    const { status, headers, body } = await ask({}, "/metrics");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(body).toContain("certgate_build_info{");
  });

  it("answers anything else with 404 in JSON", async () => {
    for (const path of ["/", "/healthz/x", "/../etc/passwd", "/debug/pprof"]) {
      const { status, headers, body } = await ask({}, path);
      expect({ status, body: JSON.parse(body) }).toEqual({ status: 404, body: { error: "not found" } });
      expect(headers["content-type"]).toContain("application/json");
    }
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("refuses %s", async (method) => {
    const { status, headers } = await ask({}, "/healthz", method);
    expect(status).toBe(405);
    expect(headers.allow).toBe("GET, HEAD");
  });

  it("answers HEAD without a body", async () => {
    for (const path of ["/healthz", "/metrics"]) {
      expect(await ask({}, path, "HEAD")).toMatchObject({ status: 200, body: "" });
    }
  });

  it("may not be cached, and does not say what it is built with", async () => {
    for (const path of ["/healthz", "/readyz", "/metrics", "/none"]) {
      const { headers } = await ask({}, path);
      expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      expect(headers).not.toHaveProperty("x-powered-by");
      expect(headers).not.toHaveProperty("etag");
    }
  });

  it("answers a fault without its text, and logs it", async () => {
    const logged: object[] = [];
    const log: Logger = { ...silentLogger, error: (fields) => logged.push(fields) };
    const metrics = { contentType: "text/plain", render: () => Promise.reject(new Error("inner workings")) };
    for (const path of ["/readyz", "/metrics"]) {
      const { status, body } = await ask({ readiness: fails, metrics, log }, path);
      expect({ status, body: JSON.parse(body) }).toEqual({ status: 500, body: { error: "internal error" } });
    }
    expect(logged).toMatchObject([{ path: "/readyz" }, { path: "/metrics" }]);
  });

  it("answers a broken percent-encoding without a stack", async () => {
    const { status, body } = await ask({}, "/%zz");
    expect([400, 404]).toContain(status);
    expect(body).not.toContain("at ");
  });
});
