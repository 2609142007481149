import { createHash } from "node:crypto";

import { chatUsage, promptOf, replyTo, type RequestBody, usageOf } from "./operations.ts";

/** What an answer is about. */
export interface AnswerContext {
  /** The underlying model's name, as Azure reports it (not the deployment). */
  readonly model: string;
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
}

export function chatAnswer({ model, id, created }: AnswerContext, body: RequestBody) {
  const prompt = promptOf(body);
  const reply = replyTo(prompt);
  return {
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: reply, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: chatUsage(usageOf(prompt, reply)),
    system_fingerprint: "fp_local",
  };
}

/** The chunks of a chat completion, without the final `[DONE]`. */
export function* chatChunks({ model, id, created }: AnswerContext, body: RequestBody) {
  const prompt = promptOf(body);
  const reply = replyTo(prompt);
  const withUsage = body.stream_options?.include_usage === true;
  const chunk = (delta: object, finish: string | null) => ({
    id: `chatcmpl-${id}`,
    object: "chat.completion.chunk",
    created,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    // With include_usage every chunk but the last carries a null.
    ...(withUsage ? { usage: null } : {}),
  });
  yield chunk({ role: "assistant", content: "" }, null);
  for (const content of pieces(reply)) yield chunk({ content }, null);
  yield chunk({}, "stop");
  if (withUsage) yield { ...chunk({}, null), choices: [], usage: chatUsage(usageOf(prompt, reply)) };
}

export function completionAnswer({ model, id, created }: AnswerContext, body: RequestBody) {
  const prompt = promptOf(body);
  const text = replyTo(prompt);
  return {
    id: `cmpl-${id}`,
    object: "text_completion",
    created,
    model,
    choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
    usage: chatUsage(usageOf(prompt, text)),
  };
}

export function embeddingsAnswer({ model }: AnswerContext, body: RequestBody) {
  const inputs = Array.isArray(body.input) ? body.input.map(String) : [promptOf(body)];
  const tokens = inputs.reduce((sum, input) => sum + usageOf(input, "").prompt, 0);
  return {
    object: "list",
    data: inputs.map((input, index) => ({ object: "embedding", index, embedding: embed(input) })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Eight numbers in [-1, 1) out of a hash: stable, and different for different texts. */
const embed = (input: string): number[] =>
  [...createHash("sha256").update(input).digest().subarray(0, 8)].map((byte) => byte / 128 - 1);

/** Nobody listens to the file here; its size and name show that it arrived. */
export const transcriptionAnswer = (body: RequestBody) => ({
  text: `You said: ${body.bytes ?? 0} bytes of ${body.filename ?? "nothing"}`,
});

export function responsesAnswer({ model, id, created }: AnswerContext, body: RequestBody) {
  const prompt = promptOf(body);
  const reply = replyTo(prompt);
  const { prompt: input, completion: output } = usageOf(prompt, reply);
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: created,
    status: "completed",
    error: null,
    model,
    output: [
      {
        id: `msg_${id}`,
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text: reply, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + output,
    },
  };
}

/** The typed events of a streamed response. There is no `[DONE]` here. */
export function* responsesEvents(context: AnswerContext, body: RequestBody) {
  const whole = responsesAnswer(context, body);
  const [message] = whole.output;
  const part = message?.content[0];
  const where = { item_id: message?.id, output_index: 0, content_index: 0 };
  const begun = { ...whole, status: "in_progress", output: [], usage: null };
  let number = 0;
  const event = (type: string, rest: object) => ({ type, sequence_number: number++, ...rest });
  yield event("response.created", { response: begun });
  yield event("response.in_progress", { response: begun });
  const open = { ...message, status: "in_progress", content: [] };
  yield event("response.output_item.added", { output_index: 0, item: open });
  yield event("response.content_part.added", { ...where, part: { ...part, text: "" } });
  for (const delta of pieces(part?.text ?? ""))
    yield event("response.output_text.delta", { ...where, delta });
  yield event("response.output_text.done", { ...where, text: part?.text });
  yield event("response.content_part.done", { ...where, part });
  yield event("response.output_item.done", { output_index: 0, item: message });
  yield event("response.completed", { response: whole });
}

export const modelsAnswer = (deployments: ReadonlyMap<string, string>, created: number) => ({
  object: "list",
  data: [...deployments.keys()].map((id) => ({ id, object: "model", created, owned_by: "local" })),
});

/** Word by word, each with its space, as tokens come. */
const pieces = (text: string): string[] => text.match(/\S+\s*/g) ?? [];
