import type { Operation } from "./operation.ts";
import { assistants } from "./table/assistants.ts";
import { bedrock } from "./table/bedrock.ts";
import { inference, storedCompletions } from "./table/inference.ts";
import { realtime, videos } from "./table/media.ts";
import { batches, conversations, files, vectorStores } from "./table/objects.ts";
import { evals, fineTuning } from "./table/tuning.ts";

/** The surface of Azure OpenAI, and of Bedrock. `docs/operations.md` is tested against it in both directions. */
export const operations: readonly Operation[] = [
  ...inference,
  ...storedCompletions,
  ...conversations,
  ...files,
  ...batches,
  ...assistants,
  ...vectorStores,
  ...fineTuning,
  ...evals,
  ...videos,
  ...realtime,
  ...bedrock,
];
