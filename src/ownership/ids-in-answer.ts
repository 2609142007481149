import { isObjectId, type NamedObject, type ObjectKind } from "../model/object-kind.ts";
import { firstStringMember } from "./first-string-member.ts";
import { ServerSentEvents } from "./server-sent-events.ts";

/** An object whose id stands in an answer. */
export interface SeenObject extends NamedObject {
  /** Epoch ms, where the answer says when it ends. */
  readonly expiresAt?: number;
}

/** What an answer is expected to name. */
export interface Expected {
  /** What the operation creates. */
  readonly creates?: ObjectKind;
  /** Where the id of it stands in a JSON answer, as names joined by dots; `id` when absent. */
  readonly createdIn?: string;
  /** What the answer is about: batches and jobs name the files that they wrote. */
  readonly about?: ObjectKind;
}

/**
 * What an answer told so far. While `watching`, nothing of it may be given to the client. `seen`: these objects are
 * to be claimed first, and there may be none. `unseen`: what was created did not show, and so is nobody's.
 */
export type Sighting =
  | { readonly state: "watching" }
  | { readonly state: "seen"; readonly objects: readonly SeenObject[] }
  | { readonly state: "unseen"; readonly why: string };

/** Reads along as an answer arrives. Once it does not answer `watching`, it is done and not asked again. */
export interface AnswerWatcher {
  push(chunk: Uint8Array): Sighting;
  end(): Sighting;
}

/** How much of an answer may be held back, in bytes: the ids stand near its begin, or the whole of it is small. */
export const mostHeldBytes = 1024 * 1024;

/** Operations on these may name files that the service wrote for them, under these names. */
const filesNamedBy: Partial<Record<ObjectKind, readonly string[]>> = {
  batch: ["output_file_id", "error_file_id"],
  job: ["result_files"],
};

type Kinds = { readonly [K in "creates" | "about"]?: ObjectKind | undefined };

/** Whether an answer may name anything that is to be claimed. */
export const namesObjects = ({ creates, about }: Kinds): boolean =>
  creates !== undefined || (about !== undefined && filesNamedBy[about] !== undefined);

/** @param contentType of the answer; undefined where it has none */
export function watchAnswer(expected: Expected, contentType: string | undefined): AnswerWatcher {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "text/event-stream") return new EventWatcher(expected);
  if (type === "application/json") return new JsonWatcher(expected);
  const unreadable = { push: () => nothing, end: () => nothing };
  const nothing = unseen(`an answer of type ${type === undefined ? "none" : "another"} is not read`);
  return unreadable;
}

const watching: Sighting = { state: "watching" };
const unseen = (why: string): Sighting => ({ state: "unseen", why });

/** A whole JSON answer; of one too large to hold, the begin. */
class JsonWatcher implements AnswerWatcher {
  readonly #expected: Expected;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  push(chunk: Uint8Array): Sighting {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length <= mostHeldBytes) return watching;
    const { creates, createdIn = "id" } = this.#expected;
    if (creates === undefined) return unseen("the answer is too large");
    const id = firstStringMember(Buffer.concat(this.#chunks).toString("utf8"), createdIn);
    return id !== undefined && isObjectId(id)
      ? { state: "seen", objects: [{ kind: creates, id }] }
      : unseen("the answer is too large, and its begin holds no id");
  }

  end(): Sighting {
    const answer = parsed(Buffer.concat(this.#chunks).toString("utf8"));
    return answer === undefined ? unseen("the answer is not JSON") : objectsOf(answer, this.#expected);
  }
}

/** A stream: the first event that holds the id is the end of the watch. */
class EventWatcher implements AnswerWatcher {
  readonly #kind: ObjectKind | undefined;
  readonly #places: readonly string[];
  readonly #events = new ServerSentEvents();
  #length = 0;

  constructor({ creates, createdIn = "id" }: Expected) {
    this.#kind = creates;
    // Events about a response carry it as a member; those of the other streams are the object itself.
    this.#places = creates === "response" ? ["response.id"] : [createdIn];
  }

  push(chunk: Uint8Array): Sighting {
    if (this.#kind === undefined) return { state: "seen", objects: [] };
    this.#length += chunk.length;
    for (const data of this.#events.push(chunk)) {
      const event = parsed(data);
      for (const place of this.#places) {
        const id = event === undefined ? undefined : memberAt(event, place);
        if (isId(id)) return { state: "seen", objects: [{ kind: this.#kind, id }] };
      }
    }
    return this.#length > mostHeldBytes ? unseen("the stream's begin holds no id") : watching;
  }

  end(): Sighting {
    return this.#kind === undefined
      ? { state: "seen", objects: [] }
      : unseen("the stream ended without an id");
  }
}

function objectsOf(answer: object, { creates, createdIn = "id", about }: Expected): Sighting {
  const objects: SeenObject[] = [];
  if (creates !== undefined) {
    const id = memberAt(answer, createdIn);
    if (!isId(id)) return unseen(`the answer holds no id in "${createdIn}"`);
    // The end stands beside the id.
    const seconds = memberAt(answer, createdIn.replace(/[^.]*$/, "expires_at"));
    const expiresAt = typeof seconds === "number" ? { expiresAt: seconds * 1000 } : {};
    objects.push({ kind: creates, id, ...expiresAt });
  }
  for (const name of filesNamedBy[creates ?? about ?? "item"] ?? []) {
    const value = memberAt(answer, name);
    for (const id of Array.isArray(value) ? value : [value]) if (isId(id)) objects.push({ kind: "file", id });
  }
  return { state: "seen", objects };
}

const isId = (value: unknown): value is string => typeof value === "string" && isObjectId(value);

/** @param place names joined by dots */
export function memberAt(value: unknown, place: string): unknown {
  let at = value;
  for (const name of place.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

export function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // Not for us to judge: what cannot be read names nothing, and its caller says so.
    return undefined;
  }
}
