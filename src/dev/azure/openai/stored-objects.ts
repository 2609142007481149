import { randomUUID } from "node:crypto";
import { fieldIn, fileIn, runBatch } from "./batch-run.ts";

/** Collections of the v1 surface that keep objects, with what begins their ids. */
const prefixes = {
  responses: "resp_",
  files: "file-",
  batches: "batch_",
  threads: "thread_",
  conversations: "conv_",
  vector_stores: "vs_",
} as const;

type Collection = keyof typeof prefixes;

/** The `object` field of each. */
const kinds: Readonly<Record<Collection, string>> = {
  responses: "response",
  files: "file",
  batches: "batch",
  threads: "thread",
  conversations: "conversation",
  vector_stores: "vector_store",
};

/** An object as it is answered. */
interface Kept {
  readonly id: string;
  readonly [field: string]: unknown;
}

export interface StoredAnswer {
  readonly status: number;
  /** An object is sent as JSON. */
  readonly body: object | Buffer;
}

const invalid = (
  status: number,
  message: string,
  param: string | null,
  code: string | null,
): StoredAnswer => ({
  status,
  body: { error: { message, type: "invalid_request_error", param, code } },
});

/** Of each collection; a local Azure may run for days. */
const mostKept = 1000;

/** What a resource keeps beyond an answer. Every caller of the resource sees all of it: that is how Azure does it. */
export class StoredObjects {
  readonly #kept = new Map<Collection, Map<string, Kept>>();
  readonly #contents = new Map<string, Buffer>();

  keepResponse(response: Kept): void {
    this.#keep("responses", response);
  }

  /** The answer to a request body that refers to what is not kept; undefined when all of it is. */
  missing(body: object): StoredAnswer | undefined {
    const previous = (body as { readonly previous_response_id?: unknown }).previous_response_id;
    if (typeof previous !== "string" || this.#of("responses").has(previous)) return undefined;
    return invalid(
      400,
      `Previous response with id '${previous}' not found.`,
      "previous_response_id",
      "previous_response_not_found",
    );
  }

  /** @returns undefined for what is no request to a collection, or makes a response */
  serve(method: string, path: string, body: object, raw: Buffer, created: number): StoredAnswer | undefined {
    const [, name = "", id, action] =
      /^\/openai\/v1\/([a-z_]+)(?:\/([^/]+))?(?:\/([a-z_]+))?$/.exec(path) ?? [];
    if (!Object.hasOwn(prefixes, name)) return undefined;
    const collection = name as Collection;
    const all = this.#of(collection);
    if (id === undefined) {
      if (method === "GET") return { status: 200, body: { object: "list", data: [...all.values()] } };
      if (method !== "POST" || collection === "responses") return undefined;
      return { status: 200, body: this.#create(collection, body, raw, created) };
    }
    const kept = all.get(id);
    if (kept === undefined) return notFound(collection, id);
    if (method === "DELETE" && action === undefined) {
      all.delete(id);
      return { status: 200, body: { id, object: `${String(kept["object"])}.deleted`, deleted: true } };
    }
    if (collection === "batches" && kept["status"] === "validating")
      return { status: 200, body: this.#settle(kept, action, created) };
    if (method === "GET" && action === "content")
      return { status: 200, body: this.#contents.get(id) ?? Buffer.alloc(0) };
    if (method === "GET" && action === "input_items")
      return { status: 200, body: { object: "list", data: [] } };
    return { status: 200, body: kept };
  }

  #create(collection: Collection, body: object, raw: Buffer, created: number): Kept {
    const id = newId(collection);
    const kept: Kept = {
      ...body,
      ...(collection === "files"
        ? { bytes: fileIn(raw).length, purpose: fieldIn(raw, "purpose") ?? "batch_output" }
        : {}),
      // The first answer about a batch does not name what it wrote yet, as on Azure.
      ...(collection === "batches"
        ? { status: "validating", output_file_id: null, error_file_id: null }
        : {}),
      id,
      object: kinds[collection],
      created_at: created,
    };
    this.#keep(collection, kept);
    if (collection === "files") this.#contents.set(id, fileIn(raw));
    return kept;
  }

  /** A batch is run when it is asked for; until then it can be cancelled. */
  #settle(batch: Kept, action: string | undefined, created: number): Kept {
    if (action === "cancel") return this.#keep("batches", { ...batch, status: "cancelled" });
    const input = this.#contents.get(String(batch["input_file_id"])) ?? Buffer.alloc(0);
    const { output, errors } = runBatch(input.toString("utf8"));
    // Both files are written, empty or not, as on Azure.
    const write = (text: string): string => this.#create("files", {}, Buffer.from(text), created).id;
    return this.#keep("batches", {
      ...batch,
      status: "completed",
      output_file_id: write(output),
      error_file_id: write(errors),
    });
  }

  #keep(collection: Collection, object: Kept): Kept {
    const all = this.#of(collection);
    all.set(object.id, object);
    const [oldest] = all.keys();
    if (all.size <= mostKept || oldest === undefined) return object;
    all.delete(oldest);
    this.#contents.delete(oldest);
    return object;
  }

  #of(collection: Collection): Map<string, Kept> {
    const all = this.#kept.get(collection) ?? new Map<string, Kept>();
    this.#kept.set(collection, all);
    return all;
  }
}

const newId = (collection: Collection): string =>
  `${prefixes[collection]}${randomUUID().replaceAll("-", "")}`;

function notFound(collection: Collection, id: string): StoredAnswer {
  if (collection === "files") return invalid(404, `No such File object: ${id}`, "id", null);
  if (collection === "responses") return invalid(404, `Response with id '${id}' not found.`, null, null);
  if (collection === "conversations")
    return invalid(404, `Conversation with id '${id}' not found.`, null, null);
  return invalid(404, `No ${kinds[collection].replaceAll("_", " ")} found with id '${id}'.`, null, null);
}
