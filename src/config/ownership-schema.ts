import { z } from "zod";
import { isOwnKind, type ObjectKind, objectKinds } from "../model/object-kind.ts";

const path = z.string().min(1);
const owned = (Object.keys(objectKinds) as ObjectKind[]).filter(isOwnKind);

/** A Redis that several replicas share. */
const redis = z.strictObject({
  url: z.url({ protocol: /^rediss?$/, error: "must be a redis:// or rediss:// URL" }).refine(
    (text) => {
      const { username, password } = new URL(text);
      return username === "" && password === "";
    },
    { error: "must not hold a user name or password: use username and passwordFile", abort: true },
  ),
  username: z.string().min(1).optional(),
  passwordFile: path.optional(),
  /** A private CA for `rediss:`, in place of the system's roots. */
  caFile: path.optional(),
  timeoutSeconds: z.number().positive().default(1),
});

/** Where it is kept which client made which stored object, and for how long. */
export const ownership = z
  .strictObject({
    /** SQLite, made when it is missing. */
    file: path.default("certgate-ownership.sqlite"),
    /** In place of the file. */
    redis: redis.optional(),
    /** Days after its making for which an object of a kind stays known. */
    daysKept: z
      .partialRecord(z.enum(owned), z.union([z.number().positive(), z.literal("never")]))
      .default({}),
    /** The backend for new objects of clients whose deployments lie on several. */
    backend: z.string().min(1).optional(),
  })
  .prefault({});
