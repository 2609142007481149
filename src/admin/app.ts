import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import type { Logger } from "../kernel/logger.ts";
import type { UpstreamState } from "../model/upstream-state.ts";
import type { ReadinessItem } from "./readiness.ts";
import { type ReloadDoor, reloadRoute } from "./reload.ts";

/** The page for Prometheus, as the telemetry room makes it. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

export interface AdminOptions {
  /** Asked at each request; waits for nothing but other processes of this gateway, and not long. */
  readonly readiness: () => readonly ReadinessItem[] | Promise<readonly ReadinessItem[]>;
  readonly metrics: MetricsPage;
  readonly log?: Logger;
  /** Absent where this process sends nothing to backends itself. */
  readonly backends?: () => readonly UpstreamState[];
  /** Absent: `POST /reload` is refused. */
  readonly reload?: ReloadDoor;
}

/**
 * The operator's view, for a port of its own: `/healthz` (the process answers), `/readyz` (it can serve, or why
 * not, item by item), `/backends` (where requests go, and what is
 * known of it), `/metrics` (Prometheus text). Reading only, but for `POST /reload` with its token: every other
 * method is refused. No answer holds a stack or a secret, and none may be cached.
 */
export function createAdminApp(options: AdminOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(unstored);
  if (options.reload !== undefined) app.post("/reload", reloadRoute(options.reload));
  app.use(readOnly);
  app.get("/healthz", (_request, response) => {
    response.json({ status: "ok" });
  });
  app.get("/readyz", async (_request, response) => {
    const items = await options.readiness();
    // No item at all means that nothing was wired yet: `every` of nothing is true, which would fail open.
    const ready = items.length > 0 && items.every((item) => item.ok);
    response.status(ready ? 200 : 503).json({ status: ready ? "ready" : "not ready", items });
  });
  const { backends } = options;
  if (backends !== undefined)
    app.get("/backends", (_request, response) => {
      response.json({ backends: backends().map(shownUpstream) });
    });
  app.get("/metrics", async (_request, response) => {
    const page = await options.metrics.render();
    // Not `send`: it would rewrite the charset of a content type whose version parameter scrapers read.
    response.setHeader("content-type", options.metrics.contentType);
    response.end(page);
  });
  app.use((_request, response) => {
    response.status(404).json({ error: "not found" });
  });
  app.use(answerFault(options.log));
  return app;
}

/** Instants as people read them. */
const shownUpstream = ({ until, ...rest }: UpstreamState): object => ({
  ...rest,
  ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
});

const unstored: RequestHandler = (_request, response, next) => {
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  next();
};

const readOnly: RequestHandler = (request, response, next) => {
  if (request.method === "GET" || request.method === "HEAD") return next();
  response.status(405).setHeader("allow", "GET, HEAD").json({ error: "method not allowed" });
};

/** Express recognises an error handler by its four parameters. Its own default would print the stack. */
function answerFault(log: Logger | undefined): ErrorRequestHandler {
  return (fault: unknown, request, response, next) => {
    // A path that is no valid percent-encoding arrives here too, with the status that express gave it.
    const badRequest = fault instanceof Error && "status" in fault && fault.status === 400;
    if (!badRequest) log?.error({ err: fault, path: request.path }, "the admin app failed");
    // With the head already sent, only express can end the answer, by closing the connection.
    if (response.headersSent) return next(fault);
    response.status(badRequest ? 400 : 500).json({ error: badRequest ? "bad request" : "internal error" });
  };
}
