import { assistant, message, run, thread, toolOutputs } from "./assistants.ts";
import { converse, countTokens, invokeModel } from "./bedrock.ts";
import { chat, images, speech } from "./chat.ts";
import { clientSecret, realtimeFrame, realtimeSession } from "./realtime.ts";
import { responses, responsesFrame } from "./responses.ts";
import { common, metadata, plain, shape, type Shape } from "./shape.ts";
import {
  batch,
  container,
  containerFile,
  conversation,
  search,
  storedFiles,
  upload,
  uploadComplete,
  vectorStore,
  video,
} from "./stores.ts";
import { evalRun, evalShape, fineTuning, graderRun } from "./tuning.ts";

/** What each kind of body may name. */
export const shapes = {
  none: plain,
  /** Names nothing that the gateway knows of, and nothing that smells of a name. */
  plain,
  metadata: shape(metadata),
  chat,
  completions: shape(common),
  embeddings: shape(common),
  speech,
  images,
  responses,
  responsesFrame,
  assistant,
  thread,
  message,
  run,
  toolOutputs,
  conversation,
  upload,
  uploadComplete,
  batch,
  vectorStore,
  storedFiles,
  search,
  container,
  containerFile,
  video,
  remix: plain,
  fineTuning,
  grader: graderRun,
  eval: evalShape,
  evalRun,
  realtimeSession,
  clientSecret,
  realtimeFrame,
  converse,
  invokeModel,
  countTokens,
} as const satisfies Readonly<Record<string, Shape>>;

export type ShapeName = keyof typeof shapes;
