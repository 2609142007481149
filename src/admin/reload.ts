import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";

/** How the configuration is read again, and who may ask for it. */
export interface ReloadDoor {
  /** The bearer token that is asked for, read each time; rejects when there is none. */
  readonly token: () => Promise<string>;
  /** Never rejects. */
  readonly run: () => Promise<{ readonly outcome: "applied" | "unchanged" | "refused" }>;
}

/** Shorter ones can be guessed. */
const shortestToken = 16;

/** 200 applied or unchanged, 409 refused (the one before serves on), 401 without the token. */
export const reloadRoute =
  ({ token, run }: ReloadDoor): RequestHandler =>
  async (request, response) => {
    const expected = await token().catch(() => "");
    // Fails closed: a token that cannot be read opens nothing.
    if (expected.length < shortestToken) {
      response
        .status(503)
        .json({ error: `the token is missing, or shorter than ${shortestToken} characters` });
      return;
    }
    if (!isSame(request.headers.authorization ?? "", `Bearer ${expected}`)) {
      response
        .status(401)
        .setHeader("www-authenticate", "Bearer")
        .json({ error: "the bearer token is wrong" });
      return;
    }
    const outcome = await run();
    response.status(outcome.outcome === "refused" ? 409 : 200).json(outcome);
  };

/** In a time that tells nothing of where they differ. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}
