import { readFile } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import type { Ownership } from "../gateway/ownership.ts";
import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { createSqliteOwnership } from "../ownership/adapters/sqlite-ownership.ts";
import { defaultDaysKept } from "../ownership/object-lifetimes.ts";
import { openedOnDemand } from "../ownership/opened-on-demand.ts";
import type { OwnershipStore } from "../ownership/ownership-store.ts";
import { readCa } from "./origins.ts";

/**
 * Who made which stored object, in Redis where one is configured, else in a file of this machine.
 * @throws GatewayError `internal_error` when a file that the configuration names cannot be read
 */
export async function composeOwnership(config: Config, clock: Clock, logger: Logger): Promise<Ownership> {
  const { daysKept } = config.ownership;
  return {
    store: await composeStore(config.ownership, clock, logger),
    daysKept: { ...defaultDaysKept, ...daysKept },
    clock,
    logger,
  };
}

async function composeStore(
  { file, redis }: Config["ownership"],
  clock: Clock,
  logger: Logger,
): Promise<OwnershipStore> {
  if (redis === undefined) return openedOnDemand(() => createSqliteOwnership({ file, clock }));
  const { url, username, timeoutSeconds } = redis;
  const password = await readPassword(redis.passwordFile);
  const ca = await readCa(redis.caFile);
  // Its library is ten megabytes and a quarter of a second, which only those pay who have a Redis.
  const { createRedisOwnership } = await import("../ownership/adapters/redis-ownership.ts");
  return createRedisOwnership({
    url,
    clock,
    logger,
    timeoutMs: timeoutSeconds * 1000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  });
}

async function readPassword(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return (await readFile(file, "utf8")).trimEnd();
  } catch (cause) {
    throw new GatewayError("internal_error", `password file ${file} cannot be read`, { cause });
  }
}
