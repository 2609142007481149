import { z } from "zod";
import { name } from "./client-schema.ts";

const environmentVariable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable");

/** Where a secret is; never the secret itself. */
export const secretSource = z.union(
  [
    z.strictObject({ env: environmentVariable }),
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ keyVault: name, secret: z.string().min(1) }),
  ],
  {
    error: ({ input }) =>
      typeof input === "string" || typeof input === "number"
        ? "must not stand in the configuration; say where it is: { env: NAME }, { file: PATH } or { keyVault: NAME, secret: NAME }"
        : undefined,
  },
);

export type SecretSourceConfig = z.infer<typeof secretSource>;
