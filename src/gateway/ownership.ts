import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Grant } from "../model/grant.ts";
import { isOwnKind, type NamedObject, type ObjectKind, objectKinds } from "../model/object-kind.ts";
import type { Target } from "../model/target.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { type Expected, namesObjects, type SeenObject } from "../ownership/ids-in-answer.ts";
import { notFoundInBackendsWords } from "../ownership/not-found.ts";
import { claimsFor } from "../ownership/claims-for.ts";
import type { DaysKept } from "../ownership/object-lifetimes.ts";
import type { OwnershipStore, StoredObject } from "../ownership/ownership-store.ts";
import { claimLines, linesOf } from "./batch-input.ts";
import { type AnswerFilter, claimingAnswer } from "./claim-answer.ts";

/** What the story needs to know who made which stored object. */
export interface Ownership {
  readonly store: OwnershipStore;
  readonly daysKept: DaysKept;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Does everything that the request names belong to its client? What somebody else made and what nobody here made get
 * one and the same answer, the backend's own for a missing object.
 * @param candidates names of the backends where the request may go, the preferred one first; asked where something is named
 * @returns the first of them that holds every object that is named; undefined when none is named
 * @throws GatewayError `ownership_unavailable`
 */
export function locateObjects(
  grant: Pick<Grant, "client" | "target">,
  candidates: () => readonly string[],
  { store }: Ownership,
): Verdict<string | undefined> | Promise<Verdict<string | undefined>> {
  const unownable = refuseUnownable(grant.target);
  if (unownable !== undefined) return unownable;
  const named = grant.target.objects.filter(({ kind }) => isOwnKind(kind));
  return named.length === 0 ? allow(undefined) : findHome(grant, named, candidates(), store);
}

async function findHome(
  { client, target }: Pick<Grant, "client" | "target">,
  named: readonly NamedObject[],
  candidates: readonly string[],
  store: OwnershipStore,
): Promise<Verdict<string | undefined>> {
  const places = candidates.flatMap((backend) => named.map((object) => ({ ...object, backend })));
  const owners = await store.ownersOf(places);
  const isMine = (backend: string, object: NamedObject): boolean =>
    owners[candidates.indexOf(backend) * named.length + named.indexOf(object)] === client;
  const home = candidates.find((backend) => named.every((object) => isMine(backend, object)));
  if (home !== undefined)
    return allow(home, [
      { check: "ownership", outcome: "pass", detail: `${named.length} objects of ${client} on ${home}` },
    ]);
  const missing = named.find((object) => !candidates.some((backend) => isMine(backend, object)));
  if (missing === undefined)
    return notFound(named[0] as NamedObject, target, "its objects lie on several backends");
  const known = places.some(
    ({ kind, id }, at) => kind === missing.kind && id === missing.id && owners[at] !== undefined,
  );
  return notFound(missing, target, known ? "it belongs to another client" : "it is not known here");
}

/** What is refused whoever asks, because no owner could be told. */
export function refuseUnownable(target: Target): Denied | undefined {
  if (target.lists !== undefined) {
    const detail = `A list of every ${target.lists} would show other clients' objects.`;
    return deny("operation_not_permitted", detail, [{ check: "ownership", outcome: "fail", detail }]);
  }
  const stray = target.objects.find((object) => !hasItsParent(object, target.objects));
  return stray === undefined ? undefined : notFound(stray, target, "it is named without what holds it");
}

/** A message is reached through its thread only: then the thread's owner is the message's. */
function hasItsParent({ kind }: NamedObject, all: readonly NamedObject[]): boolean {
  const parent = objectKinds[kind];
  return parent === "own" || all.some((other) => other.kind === parent);
}

function notFound(object: NamedObject, target: Target, why: string): Denied {
  const detail = `${object.kind} ${object.id}: ${why}.`;
  const inPath = target.path.split("/").includes(object.id);
  return {
    ...deny("object_not_found", detail, [{ check: "ownership", outcome: "fail", detail }]),
    inBackendsWords: notFoundInBackendsWords(object, inPath ? "path" : "body"),
  };
}

/** Kinds whose answer is worth something without its id: when nobody can be told whose they are, they stay nobody's. */
const worthWithoutId: ReadonlySet<ObjectKind> = new Set<ObjectKind>(["response", "completion"]);

/**
 * What stands between the answer and the client so that what the answer creates is the client's before it hears of it;
 * undefined where nothing is created.
 * @param createdIn where the id stands in a JSON answer
 */
export function claimsOf(
  { client, target }: Pick<Grant, "client" | "target">,
  createdIn: string | undefined,
  backend: string,
  ownership: Ownership,
  requestId: string,
): AnswerFilter | undefined {
  const { logger } = ownership;
  const { creates } = target;
  const about = target.objects[0]?.kind;
  if (!namesObjects({ creates, about })) return undefined;
  const expected: Expected = {
    ...(creates === undefined ? {} : { creates }),
    ...(createdIn === undefined ? {} : { createdIn }),
    ...(about === undefined ? {} : { about }),
  };
  const unclaimed = (why: string) =>
    logger.warn({ requestId, client, backend, kind: creates, why }, "a stored object stays nobody's");

  return claimingAnswer({
    expected,
    unclaimed,
    async claim(seen) {
      try {
        await claimObjects(client, seen, backend, ownership);
        if (target.linesFor !== undefined) await claimLines(target.linesFor, seen, backend, ownership);
      } catch (fault) {
        const isDown = fault instanceof GatewayError && fault.code === "ownership_unavailable";
        if (!isDown || target.creates === undefined || !worthWithoutId.has(target.creates)) throw fault;
        unclaimed(describeFault(fault));
      }
    },
  });
}

/**
 * Makes what an answer or a frame of a backend names the client's.
 * @throws GatewayError `ownership_conflict`, `ownership_unavailable`: then nobody may be told of it
 */
export async function claimObjects(
  client: string,
  seen: readonly SeenObject[],
  backend: string,
  ownership: Ownership,
): Promise<void> {
  await ownership.store.claim(claimsFor(seen, backend, ownership), client);
}

/** After a backend deleted an object: its entry goes too. One that cannot be removed grants nothing any more. */
export async function forgetDeleted(
  { target }: Pick<Grant, "target">,
  backend: string,
  { store, logger }: Ownership,
): Promise<void> {
  const gone: StoredObject[] = target.objects
    .filter(({ kind }) => kind === target.deletes)
    .flatMap((object) => [{ ...object, backend }, ...linesOf({ ...object, backend })]);
  try {
    await store.forget(gone);
  } catch (fault) {
    logger.warn(
      { backend, fault: describeFault(fault) },
      "the entry of a deleted object stays until it expires",
    );
  }
}
