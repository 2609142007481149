import { createClient } from "redis";
import type { Clock } from "../../kernel/clock.ts";
import { GatewayError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { Claim, OwnershipStore, StoredObject } from "../ownership-store.ts";

export interface RedisOwnershipOptions {
  /** `redis://host:port/db` or `rediss://...`, without a user name or password. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM: trusted for `rediss:` in place of the system's roots. */
  readonly ca?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For one call of the port, and for connecting. Default 1000. */
  readonly timeoutMs?: number;
}

/** From one attempt to connect to the next. */
const longestPauseMs = 2000;
/** A connection on which nothing comes for so long, pings included, is given up: no other end would be noticed. */
const silenceMs = 15_000;

/** Ownership in one Redis (version 6 or newer), for several replicas. It connects, and connects again, by itself. */
export function createRedisOwnership(options: RedisOwnershipOptions): OwnershipStore {
  const { url, username, password, ca, clock, logger, timeoutMs = 1000 } = options;
  const client = createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: {
      connectTimeout: timeoutMs,
      socketTimeout: silenceMs,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** Math.min(retries, 10), longestPauseMs),
      ...(ca === undefined ? {} : { tls: true as const, ca }),
    },
    pingInterval: silenceMs / 3,
    // A command that waited for a connection would run after its caller was refused.
    disableOfflineQueue: true,
    maintNotifications: "disabled",
  });
  const tried = Promise.withResolvers<void>();
  let up: boolean | undefined;
  client.on("ready", () => {
    if (up === false) logger.info({}, "ownership store: Redis answers again");
    up = true;
    tried.resolve();
  });
  client.on("error", (cause: Error) => {
    if (up !== false) logger.error({ cause: cause.message }, "ownership store: Redis does not answer");
    up = false;
    tried.resolve();
  });
  // It goes on trying for ever, so it only ever rejects when the store is closed meanwhile.
  void client.connect().catch(() => {});

  /** Bounded: a command that was written and gets no answer would wait as long as TCP does. */
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([tried.promise.then(work), late]);
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause;
      throw new GatewayError("ownership_unavailable", "ownership store: Redis failed", { cause });
    } finally {
      clearTimeout(timer);
    }
  };

  async function claimOne({ object, expiresAt }: Claim, owner: string): Promise<void> {
    const key = keyOf(object);
    const lifeMs = expiresAt === "never" ? undefined : Math.floor(expiresAt - clock.now());
    if (lifeMs !== undefined && lifeMs <= 0) return;
    // Twice: what stood there may expire between the two commands.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const taken = await client.set(key, owner, {
        condition: "NX",
        ...(lifeMs === undefined ? {} : { expiration: { type: "PX", value: lifeMs } }),
      });
      if (taken !== null) return;
      const standing = await client.get(key);
      if (standing === owner) return extend(key, lifeMs);
      if (standing !== null) throw conflict(object);
    }
    throw new Error("an entry came and went while it was claimed");
  }

  async function extend(key: string, lifeMs: number | undefined): Promise<void> {
    const leftMs = await client.pTTL(key);
    // -1: it never expires.
    if (leftMs === -1) return;
    if (lifeMs === undefined) await client.persist(key);
    else if (leftMs < lifeMs) await client.pExpire(key, lifeMs);
  }

  return {
    claim: (claims, owner) =>
      bounded(async () => {
        await Promise.all(claims.map((claim) => claimOne(claim, owner)));
      }),
    ownersOf: (objects) =>
      bounded(async () => {
        if (objects.length === 0) return [];
        const owners = await client.mGet(objects.map(keyOf));
        return owners.map((owner) => owner ?? undefined);
      }),
    forget: (objects) =>
      bounded(async () => {
        if (objects.length > 0) await client.del(objects.map(keyOf));
      }),
    async close() {
      if (client.isOpen) client.destroy();
    },
  };
}

/** None of the parts can hold a colon: kinds are our own words, ids and backends' names have an alphabet. */
const keyOf = ({ kind, id, backend }: StoredObject): string => `certgate:owner:${backend}:${kind}:${id}`;

const conflict = ({ kind, id, backend }: StoredObject) =>
  new GatewayError("ownership_conflict", `${kind} ${id} of backend ${backend} belongs to another client`);
