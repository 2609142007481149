/** Where a request's deployment stands. */
export type DeploymentPlace = "path" | "body" | "none";

/** One row of the surface that the gateway understands. What is not in the table is `operation_unknown`. */
export interface Operation {
  /** Stable name for policy, logs and metrics. Several rows share one where only the spelling of the URL differs. */
  readonly name: string;
  readonly method: "GET" | "POST";
  /** Fixed segments, and `{deployment}` for exactly one segment. */
  readonly path: string;
  readonly deployment: DeploymentPlace;
  /** How the gateway must read the body before it may decide: `none` means that a body is refused. */
  readonly body: "json" | "none";
  /** `body.stream`: the body's top-level `stream` asks for an event stream. */
  readonly streams: "body.stream" | "never";
  /** Whether a second attempt at another backend can do no harm (nothing is created that outlives the answer). */
  readonly retryable: boolean;
  readonly apiVersion: "required" | "optional";
  readonly answeredBy: "backend" | "gateway";
  /** Which shape in `body-shapes.ts` says what the body may name. */
  readonly shape: "chat" | "completions" | "embeddings" | "responses" | "none";
}

const inference = {
  method: "POST",
  body: "json",
  streams: "body.stream",
  retryable: true,
  answeredBy: "backend",
} as const;
const classic = { ...inference, deployment: "path", apiVersion: "required" } as const;
const v1 = { ...inference, deployment: "body", apiVersion: "optional" } as const;
const models = {
  name: "models",
  method: "GET",
  deployment: "none",
  body: "none",
  streams: "never",
  retryable: true,
  answeredBy: "gateway",
  shape: "none",
} as const;

// prettier-ignore
export const operations: readonly Operation[] = [
  { ...classic, name: "chat-completions", shape: "chat", path: "/openai/deployments/{deployment}/chat/completions" },
  { ...classic, name: "completions", shape: "completions", path: "/openai/deployments/{deployment}/completions" },
  { ...classic, name: "embeddings", shape: "embeddings", path: "/openai/deployments/{deployment}/embeddings", streams: "never" },
  { ...v1, name: "chat-completions", shape: "chat", path: "/openai/v1/chat/completions" },
  { ...v1, name: "completions", shape: "completions", path: "/openai/v1/completions" },
  { ...v1, name: "embeddings", shape: "embeddings", path: "/openai/v1/embeddings", streams: "never" },
  // A stored response outlives its answer: a second attempt could leave two.
  { ...v1, name: "responses", shape: "responses", path: "/openai/v1/responses", retryable: false },
  { ...models, path: "/openai/v1/models", apiVersion: "optional" },
  { ...models, path: "/openai/models", apiVersion: "required" },
];
