import {
  absent,
  deployment,
  malformed,
  metadata,
  objectId,
  oneOf,
  opaque,
  type Shape,
  second,
  shape,
  stored,
  string,
} from "./shape.ts";

const graderFields = new Map<string, Shape>(
  Object.entries({
    model: deployment,
    sampling_params: opaque,
    input: shape({ content: shape({ file_id: objectId("file") }) }),
  }),
);
/** A grader judges with a deployment of its own. */
const grader: Shape = { fields: graderFields };
// A multigrader holds others, under names that its author chose; an endpoint's own come in a list.
graderFields.set("graders", { others: grader, fields: graderFields });

export const graderRun = shape({ grader, item: opaque, model_sample: string });

/** A base model is the catalogue's, or a tuned one by its name; it is no deployment and answers nobody. */
const baseModel: Shape = {
  check: ({ text }) =>
    text !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(text)
      ? undefined
      : malformed("is not the name of a base model"),
};

export const fineTuning = shape({
  ...metadata,
  model: baseModel,
  training_file: objectId("file"),
  validation_file: objectId("file"),
  method: shape({
    reinforcement: shape({ grader, response_format: opaque, hyperparameters: opaque }),
    supervised: shape({ hyperparameters: opaque }),
    dpo: shape({ hyperparameters: opaque }),
  }),
  hyperparameters: opaque,
});

export const evalShape = shape({
  ...metadata,
  // Logs and stored completions are everybody's.
  data_source_config: shape({
    ...metadata,
    type: oneOf(["custom"], () => malformed(stored)),
    item_schema: opaque,
    schema: opaque,
  }),
  testing_criteria: grader,
});

/** Rows of a file, or in the body. Stored completions and responses would be read, whoever made them. */
const source = shape({
  type: oneOf(["file_content", "file_id"], () => malformed(stored)),
  id: objectId("file"),
  content: opaque,
});

export const evalRun = shape({
  ...metadata,
  data_source: shape({
    type: oneOf(["jsonl", "completions", "responses"], () => malformed(stored)),
    // An agent has a deployment of its own.
    target: absent(second("names what an eval is about, beside its model: not supported yet")),
    model: deployment,
    source,
    sampling_params: shape({
      response_format: opaque,
      text: opaque,
      tools: shape({
        type: oneOf(["function"], () => malformed("may only be function")),
        function: opaque,
        parameters: opaque,
      }),
    }),
    input_messages: shape({
      template: shape({ content: shape({ file_id: objectId("file") }) }),
    }),
  }),
  // Older spellings.
  data_source_config: absent(malformed(stored)),
});
