import { GatewayError } from "../kernel/errors.ts";
import type { ClientOptions, GrantOptions } from "../model/client-options.ts";
import { compileLimits, compilePermission, type Permission, type Rights } from "./permissions.ts";

/** One client, ready for decisions. */
export interface ClientEntry {
  readonly name: string;
  readonly rights: Rights;
}

/** What a client's rights can refer to. */
export interface KnownNames {
  /** The deployments of the configuration. */
  readonly deployments: Iterable<string>;
  readonly roles: Readonly<Record<string, GrantOptions>>;
}

/** Compiles rights; equal ones once. */
export interface RightsCompiler {
  /** @throws GatewayError `internal_error` for an unknown role, and whatever else the configuration check reports */
  compile(options: Omit<ClientOptions, "name" | "thumbprints" | "match">): Rights;
}

export function createRightsCompiler({ deployments, roles }: KnownNames): RightsCompiler {
  const known = new Set(deployments);
  const compiledRoles = new Map(
    Object.entries(roles).map(([name, role]) => [name, compilePermission(role, known)]),
  );
  const compiled = new Map<string, Rights>();
  return {
    compile(options) {
      const { deployments: own, routes, operations, apiVersions, sourceNetworks, hours } = options;
      const key = JSON.stringify([
        own,
        routes,
        operations,
        apiVersions,
        sourceNetworks,
        hours,
        options.roles,
      ]);
      let rights = compiled.get(key);
      if (rights === undefined) {
        const permissions = [
          // Limits of the client's own stand over everything, see below: they need not narrow this bundle twice.
          compilePermission({ deployments: own, routes, operations }, known),
          ...(options.roles ?? []).map((name) => found(compiledRoles, name)),
        ];
        rights = {
          permissions,
          deployments: permissions.reduce<ReadonlySet<string>>(
            (all, permission) => all.union(permission.deployments),
            new Set(),
          ),
          limits: compileLimits(options),
        };
        compiled.set(key, rights);
      }
      return rights;
    },
  };
}

function found(roles: ReadonlyMap<string, Permission>, name: string): Permission {
  const role = roles.get(name);
  if (role === undefined) throw new GatewayError("internal_error", `there is no role called ${name}`);
  return role;
}
