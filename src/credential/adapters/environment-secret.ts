import { env } from "node:process";
import { GatewayError } from "../../kernel/errors.ts";
import type { SecretSource } from "../secret-source.ts";

/** A secret in an environment variable of this process. */
export function environmentSecret(variable: string): SecretSource {
  const name = `environment variable ${variable}`;
  return {
    name,
    async read() {
      const value = env[variable]?.trim() ?? "";
      if (value === "")
        throw new GatewayError(
          "credential_unavailable",
          `${name} is not set; set it for the process that runs certgate and start it again`,
        );
      return value;
    },
  };
}
