import type { Target } from "../model/target.ts";
import { allow, deny, type Verdict } from "../model/verdict.ts";
import { decide } from "../policy/decide.ts";
import { readFrameTarget } from "../target/frame-target.ts";
import type { RequestHead } from "../target/parse-head.ts";
import type { ConnectionCaller } from "./caller.ts";
import { refuseElsewhere } from "./find-backend.ts";
import type { Gateway, ReadyBackend } from "./gateway.ts";
import { locateObjects } from "./ownership.ts";
import type { SocketIds } from "./socket-ids.ts";

/** The WebSocket that a message comes from. */
export interface OpenSocket {
  readonly connection: ConnectionCaller;
  /** Of the upgrade. */
  readonly head: RequestHead;
  /** The client entry's name at the upgrade. */
  readonly client: string;
  readonly remoteAddress: string | undefined;
  readonly backend: ReadyBackend;
  readonly ids: SocketIds;
}

/**
 * The story of one message: caller -> target -> grant -> place -> owner, each as of now. A WebSocket can be open for an
 * hour, and what was granted at its upgrade may not be granted any more.
 * @throws GatewayError `ownership_unavailable`
 */
export async function judgeMessage(
  gateway: Gateway,
  socket: OpenSocket,
  message: Buffer,
): Promise<Verdict<Target>> {
  const { connection, head, client, remoteAddress, backend, ids } = socket;
  const pinned = connection.identify();
  const caller = pinned.allowed || pinned.missing === undefined ? pinned : await connection.identifyOrFetch();
  if (!caller.allowed) return caller;
  if (caller.value.entry.name !== client)
    return deny("client_unknown", "The certificate belongs to another client now; connect again.");

  const target = readFrameTarget(head, message);
  if (!target.allowed) return target;
  const grant = decide(caller.value.entry, target.value, { at: gateway.clock.now(), remoteAddress });
  if (!grant.allowed) return grant;
  const elsewhere = refuseElsewhere(gateway, target.value.deployments, backend);
  if (elsewhere !== undefined) return elsewhere;

  // What this very connection made is its client's, kept or not.
  const foreign = target.value.objects.filter((object) => !ids.has(object));
  const owned = await locateObjects(
    { client, target: { ...target.value, objects: foreign } },
    () => [backend.name],
    gateway.ownership,
  );
  if (!owned.allowed) return owned;
  if (target.value.creates !== undefined) ids.expectKept();
  return allow(target.value, grant.trace);
}
