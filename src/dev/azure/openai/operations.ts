/** The operations that the local Azure OpenAI serves. */
export type OperationKind = "chat" | "completions" | "embeddings" | "responses" | "transcription" | "models";

export interface NamedOperation {
  readonly kind: OperationKind;
  /** In the classic form the path names it, in the v1 form the body's `model` does. */
  readonly deployment?: string;
  readonly surface: "classic" | "v1";
}

const classicKinds: Readonly<Record<string, OperationKind>> = {
  "chat/completions": "chat",
  completions: "completions",
  embeddings: "embeddings",
  "audio/transcriptions": "transcription",
};
const v1Kinds: Readonly<Record<string, OperationKind>> = {
  ...classicKinds,
  responses: "responses",
  models: "models",
};

/** What a path asks for, or undefined for a path that does not exist here. Dot segments are resolved, as on Azure. */
export function operationOf(method: string, url: URL): NamedOperation | undefined {
  const classic = /^\/openai\/deployments\/([^/]+)\/(.+)$/.exec(url.pathname);
  const v1 = /^\/openai\/v1\/(.+)$/.exec(url.pathname);
  const kind = classicKinds[classic?.[2] ?? ""] ?? v1Kinds[v1?.[1] ?? ""];
  if (kind === undefined || method !== (kind === "models" ? "GET" : "POST")) return undefined;
  const deployment = classic?.[1];
  return deployment === undefined
    ? { kind, surface: "v1" }
    : { kind, surface: "classic", deployment: decodeURIComponent(deployment) };
}

/** The fields of request bodies that matter here. */
export interface RequestBody {
  readonly model?: unknown;
  readonly stream?: unknown;
  readonly store?: unknown;
  readonly stream_options?: { readonly include_usage?: unknown };
  readonly messages?: readonly { readonly role?: unknown; readonly content?: unknown }[];
  readonly prompt?: unknown;
  readonly input?: unknown;
  /** Of the file in a form. */
  readonly filename?: string;
  readonly bytes?: number;
}

/** The prompt's last text, whatever the shape. */
export function promptOf(body: RequestBody): string {
  const last = body.messages?.at(-1)?.content ?? body.prompt ?? body.input;
  return textOf(last);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join(" ");
  if (typeof value === "object" && value !== null) {
    if ("text" in value) return textOf(value.text);
    if ("content" in value) return textOf(value.content);
  }
  return "";
}

/** Deterministic: the same prompt has the same answer, and the prompt's last words are in it. */
export const replyTo = (prompt: string): string =>
  `You said: ${prompt.trim().split(/\s+/).slice(-12).join(" ")}`;

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
}

const words = (text: string): number => text.split(/\s+/).filter(Boolean).length;

/** One word counts as one token. */
export const usageOf = (prompt: string, reply: string): Usage => ({
  prompt: words(prompt),
  completion: words(reply),
});

export const chatUsage = ({ prompt, completion }: Usage) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
