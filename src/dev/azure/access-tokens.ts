import { randomBytes } from "node:crypto";

import type { Clock } from "../../kernel/clock.ts";

/** What a bearer token turned out to be. */
export type TokenCheck = "good" | "missing" | "unknown" | "expired" | "wrong-audience";

/** The one book in which the local identity endpoint writes and the other services look: tokens are opaque. */
export class AccessTokens {
  readonly #clock: Clock;
  readonly #issued = new Map<string, { readonly audience: string; readonly expiresAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param audience the resource that was asked for, e.g. `https://vault.azure.net`.
   * @param claims makes it look like a JWT with them. The services look into the book all the same.
   */
  issue(
    audience: string,
    lifetimeSeconds: number,
    claims?: Readonly<Record<string, unknown>>,
  ): { readonly token: string; readonly expiresAt: number } {
    const random = randomBytes(32).toString("base64url");
    const token =
      claims === undefined
        ? `local.${random}`
        : `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}.${random}`;
    const expiresAt = this.#clock.now() + lifetimeSeconds * 1000;
    this.#issued.set(token, { audience: withoutSlash(audience), expiresAt });
    return { token, expiresAt };
  }

  /** Judges an `Authorization` header. */
  check(authorization: string | undefined, audiences: readonly string[]): TokenCheck {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return "missing";
    const entry = this.#issued.get(token);
    if (entry === undefined) return "unknown";
    if (this.#clock.now() >= entry.expiresAt) return "expired";
    return audiences.map(withoutSlash).includes(entry.audience) ? "good" : "wrong-audience";
  }

  /** Every token out there stops working. */
  revokeAll(): void {
    this.#issued.clear();
  }
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

/** `https://cognitiveservices.azure.com` and the same with a slash are one resource. */
const withoutSlash = (audience: string): string => audience.replace(/\/$/, "");
