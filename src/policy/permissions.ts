import { GatewayError } from "../kernel/errors.ts";
import type { GrantOptions } from "../model/client-options.ts";
import { isInNetwork, comparableAddress, type Network, readNetwork } from "../model/network.ts";
import { defaultOperationGroups } from "../model/operation-group.ts";
import { isOpen, readTimeWindow, type TimeWindow } from "../model/time-window.ts";

/** Where and when a request comes. */
export interface Circumstances {
  /** Epoch ms. */
  readonly at: number;
  /** As the socket tells it. Absent: not known, and then no network holds it. */
  readonly remoteAddress?: string | undefined;
}

/** What narrows a bundle of rights. Absent: not narrowed. Empty: nothing passes. */
export interface Limits {
  readonly apiVersions: ReadonlySet<string> | undefined;
  readonly networks: readonly Network[] | undefined;
  readonly windows: readonly TimeWindow[] | undefined;
}

/** One bundle of rights: a role, or what a client has of its own. */
export interface Permission extends Limits {
  readonly operations: ReadonlySet<string>;
  readonly deployments: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
}

/** What a client may do. Clients of equal rights share one object. */
export interface Rights {
  /** Over all bundles, whatever narrows them: what the list of models shows. */
  readonly deployments: ReadonlySet<string>;
  readonly permissions: readonly Permission[];
  /** The client's own, over everything that it does, whichever role grants it. */
  readonly limits: Limits;
}

/**
 * Compiles a bundle of rights. `*` becomes the deployments of the configuration, so that no pattern is left.
 * @throws GatewayError `internal_error` for what the configuration check reports before
 */
export function compilePermission(options: GrantOptions, known: ReadonlySet<string>): Permission {
  const { deployments = [], operations = defaultOperationGroups, routes = [] } = options;
  if (deployments.includes("*") && deployments.length > 1)
    throw new GatewayError("internal_error", '"*" stands beside other deployments');
  return {
    operations: new Set(operations),
    // A name that no configuration knows grants nothing, so that nothing behind it is ever looked for.
    deployments: deployments[0] === "*" ? known : new Set(deployments).intersection(known),
    routes: new Set(routes),
    ...compileLimits(options),
  };
}

/** @throws GatewayError `internal_error` */
export const compileLimits = ({ apiVersions, sourceNetworks, hours }: GrantOptions): Limits => ({
  apiVersions: apiVersions && new Set(apiVersions),
  networks: sourceNetworks?.map((text) => {
    const reading = readNetwork(text);
    if (!reading.ok) throw new GatewayError("internal_error", `source network ${text}: ${reading.reason}`);
    return reading.network;
  }),
  windows: hours?.map((options) => {
    const reading = readTimeWindow(options);
    if (!reading.ok) throw new GatewayError("internal_error", `hours: ${reading.key}: ${reading.reason}`);
    return reading.window;
  }),
});

/** Which limit a caller runs into, as the end of a sentence about it; undefined: none. */
export function exceededLimit(
  { networks, windows }: Limits,
  { at, remoteAddress }: Circumstances,
): string | undefined {
  if (networks !== undefined) {
    const address = remoteAddress === undefined ? undefined : comparableAddress(remoteAddress);
    if (address === undefined) return "from an address that is not known";
    if (!networks.some((network) => isInNetwork(address, network))) return "from its network address";
  }
  if (windows !== undefined && !windows.some((window) => isOpen(window, at))) return "at this time";
  return undefined;
}
