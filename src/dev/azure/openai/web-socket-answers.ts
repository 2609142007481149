import { randomUUID } from "node:crypto";

import { responsesAnswer, responsesEvents } from "./answers.ts";

/** What one WebSocket says: first, and to each message. */
export interface SocketAnswers {
  first(): Iterable<object>;
  to(message: Buffer): Iterable<object>;
}

const newId = (): string => randomUUID().replaceAll("-", "");

const errorOf = (code: string, message: string) => ({
  type: "invalid_request_error",
  code,
  message,
  param: null,
});

function parse(message: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(message.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A session of the Realtime API. */
export function realtimeAnswers(model: string): SocketAnswers {
  let session: Record<string, unknown> = {
    id: `sess_${newId()}`,
    object: "realtime.session",
    type: "realtime",
    model,
  };
  const event = (type: string, rest: object) => ({ type, event_id: `event_${newId()}`, ...rest });
  return {
    *first() {
      yield event("session.created", { session });
    },
    *to(message) {
      const said = parse(message);
      if (said === undefined) yield event("error", { error: errorOf("invalid_json", "No JSON.") });
      else if (said["type"] === "session.update") {
        session = { ...session, ...(said["session"] as object) };
        yield event("session.updated", { session });
      } else if (said["type"] === "conversation.item.create")
        yield event("conversation.item.created", {
          item: { id: `item_${newId()}`, ...(said["item"] as object) },
        });
      else if (said["type"] === "response.create") {
        const response = { id: `resp_${newId()}`, object: "realtime.response", status: "in_progress" };
        yield event("response.created", { response });
        yield event("response.output_text.delta", { response_id: response.id, delta: "You said something" });
        yield event("response.done", { response: { ...response, status: "completed" } });
      }
    },
  };
}

/** The Responses API: each `response.create` is answered as a streamed request would be. */
export function responsesAnswers(
  deployments: ReadonlyMap<string, string>,
  keep: (response: { readonly id: string }) => void,
): SocketAnswers {
  return {
    *first() {
      // Nothing is said before the first message.
    },
    *to(message) {
      const said = parse(message);
      const error = (status: number, code: string, text: string) => ({
        type: "error",
        status,
        error: errorOf(code, text),
      });
      const model = deployments.get(String(said?.["model"]));
      if (said?.["type"] !== "response.create") yield error(400, "invalid_request", "No such event.");
      else if (model === undefined) yield error(404, "DeploymentNotFound", "There is no such deployment.");
      else {
        const context = { model, id: newId(), created: Math.floor(Date.now() / 1000) };
        for (const event of responsesEvents(context, said)) {
          if (event.type === "response.created" && said["store"] !== false)
            keep(responsesAnswer(context, said));
          yield event;
        }
      }
    },
  };
}
