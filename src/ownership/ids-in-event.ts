import { isObjectId } from "../model/object-kind.ts";
import { memberAt, mostHeldBytes, parsed } from "./ids-in-answer.ts";

const key = Buffer.from('"response"');

/**
 * The id of the response that an event of the Responses API is about, read from the event's bytes. Most events carry
 * a piece of an answer and are not parsed: an event that holds a response has the key somewhere in its bytes.
 * @returns undefined where there is none, and for an event over a MiB: the first about a response is small
 */
export function responseIdIn(event: Buffer): string | undefined {
  if (event.length > mostHeldBytes || !event.includes(key)) return undefined;
  const value = parsed(event.toString("utf8"));
  const id = value === undefined ? undefined : memberAt(value, "response.id");
  return typeof id === "string" && isObjectId(id) ? id : undefined;
}
