import {
  common,
  deployment,
  objectId,
  opaque,
  schemaFormat,
  second,
  shape,
  storedObject,
  string,
  switchedOff,
} from "./shape.ts";
import { toolType } from "./tools.ts";

/** On-your-data: its searches run with the backend's identity, and may embed with a second deployment. */
export const dataSources = shape(
  {
    parameters: shape({
      embedding_dependency: shape({
        type: {
          check: ({ text }) =>
            text === "deployment_name" ? undefined : second("may only be deployment_name"),
        },
        deployment_name: deployment,
      }),
      authentication: opaque,
      fields_mapping: opaque,
    }),
  },
  {
    check: ({ kind }, { allows }) =>
      kind === "null" || allows.has("data-sources") ? undefined : switchedOff("data-sources"),
  },
);

/** An object names a voice that somebody had made. */
const voice = string;

export const chat = shape({
  ...common,
  audio: shape({ voice }),
  messages: shape({
    // An earlier answer's.
    audio: shape({ id: storedObject }),
    content: shape({ file: shape({ file_id: objectId("file") }) }),
  }),
  tools: shape({ type: toolType("function", "custom"), function: shape({ parameters: opaque }) }),
  functions: shape({ parameters: opaque }),
  response_format: schemaFormat,
  data_sources: dataSources,
});

export const speech = shape({ ...common, voice });

export const images = shape(common);
