import type { Config } from "./schema.ts";

/**
 * `config.deployments["constructor"]` must be undefined unless somebody defined it. Also for a configuration that came
 * from another process: on the way, every object gets its prototype again.
 * @returns the same configuration
 */
export function withoutPrototypes(config: Config): Config {
  for (const byName of [
    config.keyVaults,
    config.credentials,
    config.backends,
    config.deployments,
    config.routes,
    config.roles,
    config.clients,
  ])
    Object.setPrototypeOf(byName, null);
  return config;
}
