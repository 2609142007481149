import {
  type AnswerContext,
  chatAnswer,
  chatChunks,
  completionAnswer,
  embeddingsAnswer,
  responsesAnswer,
  responsesEvents,
  transcriptionAnswer,
} from "./answers.ts";
import { filler, type StreamEvent, type StreamPace } from "./event-stream.ts";
import type { NamedOperation, RequestBody } from "./operations.ts";

/** A whole answer's JSON. */
export function answerOf({ kind }: NamedOperation, context: AnswerContext, body: RequestBody): object {
  if (kind === "embeddings") return embeddingsAnswer(context, body);
  if (kind === "transcription") return transcriptionAnswer(body);
  if (kind === "completions") return completionAnswer(context, body);
  return kind === "responses" ? responsesAnswer(context, body) : chatAnswer(context, body);
}

/** The events of a streamed answer; undefined where the operation does not stream here. */
export function eventsOf(
  { kind }: NamedOperation,
  context: AnswerContext,
  body: RequestBody,
  pace: StreamPace,
): Iterable<StreamEvent> | undefined {
  if (kind === "chat") return chatEvents(context, body, pace);
  if (kind === "responses")
    return [...responsesEvents(context, body)].map((event) => ({
      name: event.type,
      data: JSON.stringify(event),
    }));
  return undefined;
}

function* chatEvents(context: AnswerContext, body: RequestBody, pace: StreamPace): Generator<StreamEvent> {
  let first = true;
  for (const chunk of chatChunks(context, body)) {
    yield { data: JSON.stringify(chunk) };
    if (first)
      yield* filler(pace, (content) => ({
        ...chunk,
        choices: [{ index: 0, delta: { content }, finish_reason: null }],
      }));
    first = false;
  }
  yield { data: "[DONE]" };
}
