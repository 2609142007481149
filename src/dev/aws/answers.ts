import { encodeEvent } from "./event-stream.ts";

/** What the local Bedrock says: the same words, counted the same way, on every path. */

export interface ModelRequest {
  readonly messages?: readonly {
    readonly content?: string | readonly { readonly text?: string }[];
  }[];
  readonly prompt?: string;
  readonly inputText?: string;
  readonly input?: { readonly converse?: ModelRequest };
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

function textOf({ messages = [], prompt, inputText }: ModelRequest): string {
  const said = messages.flatMap(({ content = [] }) =>
    typeof content === "string" ? [content] : content.map(({ text = "" }) => text),
  );
  return [prompt, inputText, ...said].filter((text) => text !== undefined).join(" ");
}

const replyTo = (request: ModelRequest): string => `You said: ${textOf(request)}`;

export function usageOf(request: ModelRequest) {
  const inputTokens = words(textOf(request)).length;
  const outputTokens = words(replyTo(request)).length;
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
}

export const converseAnswer = (request: ModelRequest) => ({
  output: { message: { role: "assistant", content: [{ text: replyTo(request) }] } },
  stopReason: "end_turn",
  usage: usageOf(request),
  metrics: { latencyMs: 7 },
});

export const invokeAnswer = (request: ModelRequest) => ({
  type: "message",
  role: "assistant",
  content: [{ type: "text", text: replyTo(request) }],
  usage: { input_tokens: usageOf(request).inputTokens, output_tokens: usageOf(request).outputTokens },
});

export function* converseEvents(request: ModelRequest): Generator<Buffer> {
  yield encodeEvent("messageStart", { role: "assistant" });
  for (const word of replyTo(request).split(/(?<= )/))
    yield encodeEvent("contentBlockDelta", { contentBlockIndex: 0, delta: { text: word } });
  yield encodeEvent("contentBlockStop", { contentBlockIndex: 0 });
  yield encodeEvent("messageStop", { stopReason: "end_turn" });
  yield encodeEvent("metadata", { usage: usageOf(request), metrics: { latencyMs: 7 } });
}

export function* invokeEvents(request: ModelRequest): Generator<Buffer> {
  const { inputTokens, outputTokens } = usageOf(request);
  for (const word of replyTo(request).split(/(?<= )/))
    yield chunk({ type: "content_block_delta", delta: { type: "text_delta", text: word } });
  yield chunk({
    type: "message_stop",
    "amazon-bedrock-invocationMetrics": {
      inputTokenCount: inputTokens,
      outputTokenCount: outputTokens,
      invocationLatency: 9,
      firstByteLatency: 3,
    },
  });
}

const chunk = (payload: object): Buffer =>
  encodeEvent("chunk", { bytes: Buffer.from(JSON.stringify(payload)).toString("base64") });

export const chatAnswer = (request: ModelRequest & { readonly model?: string }) => {
  const { inputTokens, outputTokens, totalTokens } = usageOf(request);
  return {
    id: "chatcmpl-local",
    object: "chat.completion",
    created: 0,
    model: request.model,
    choices: [{ index: 0, message: { role: "assistant", content: replyTo(request) }, finish_reason: "stop" }],
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens },
  };
};
