import type { NamedObject, ObjectKind } from "../model/object-kind.ts";
import type { BackendAnswer } from "../model/verdict.ts";

/** What the services call their objects in this answer, where it is not the kind's own name. */
const nouns: Partial<Record<ObjectKind, string>> = {
  completion: "chat completion",
  vector_store: "vector store",
  job: "fine-tuning job",
};

/**
 * The services' answer for an object that does not exist. It names the id, and nothing else that could tell an object of
 * another client from one that never was.
 * @param place where the request names it
 */
export function notFoundInBackendsWords({ kind, id }: NamedObject, place: "path" | "body"): BackendAnswer {
  if (kind === "response" && place === "body")
    return {
      status: 400,
      message: `Previous response with id '${id}' not found.`,
      param: "previous_response_id",
      code: "previous_response_not_found",
    };
  const answer = { status: 404, param: null, code: null };
  if (kind === "response") return { ...answer, message: `Response with id '${id}' not found.` };
  if (kind === "conversation") return { ...answer, message: `Conversation with id '${id}' not found.` };
  if (kind === "file") return { ...answer, message: `No such File object: ${id}`, param: "id" };
  return { ...answer, message: `No ${nouns[kind] ?? kind.replaceAll("_", " ")} found with id '${id}'.` };
}
