import type { Operation } from "../target/operation.ts";

/** What is computed at once although it is a POST. */
const embeddings: ReadonlySet<string> = new Set(["embeddings", "image-embeddings", "responses-input-tokens"]);

/** Whether an operation is answered without thinking: reads and deletions of what is stored, and embeddings. */
export const isQuick = ({ name, method, streams }: Operation): boolean =>
  embeddings.has(name) || (method !== "POST" && streams === "never");
