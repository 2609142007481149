import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBody } from "../../src/target/parse-body.ts";
import { parseHead } from "../../src/target/parse-head.ts";
import { readRealtimeFrame } from "../../src/target/realtime-frame.ts";

const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const heads = [
  "/openai/v1/chat/completions",
  "/openai/v1/responses",
  "/openai/v1/assistants",
  "/openai/v1/threads/thread_1/runs",
  "/openai/v1/vector_stores",
  "/openai/v1/evals",
  "/openai/v1/evals/eval_1/runs",
  "/openai/v1/realtime/client_secrets",
].map(headOf);

const words = (text: string): string[] => text.split(/\s+/);

/** Where a service looks for names, in the surface's own words and in words that it may have tomorrow. */
const key = fc.constantFrom(
  ...words(`model Model MODEL deployment deployment_name deploymentName reranker_model engine
    file_id fileId file_ids vector_store_ids previous_response_id assistant_id response_id
    conversation container tools input content messages session response item grader
    graders testing_criteria data_source source tool_resources file_search code_interpreter
    audio transcription input_audio_transcription attachments options x type id text
    metadata parameters additional_messages thread image_file file vector_stores`),
);
const leaf = fc.constantFrom<unknown>(
  ...words("one two three file_search function mcp message auto code_interpreter a/b"),
  null,
  true,
  1,
  "",
  [],
  ["one"],
  ["one", ["two"]],
);
const { body } = fc.letrec<{ body: object; value: unknown }>((tie) => ({
  body: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    leaf,
    tie("body"),
    fc.array(tie("value"), { maxLength: 2 }),
  ),
}));

/** What the caller may fill as it likes, in the services' documents. */
const callersOwn = new Set(["metadata", "parameters"]);
/** A word that says what to look for. */
const isDeploymentKey = (name: string) => /model|deployment|engine/i.test(name);
const isObjectKey = (name: string) =>
  /_ids?$/.test(name.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase());

/** Every string under a key that speaks of a name, however deep and in whichever case: the most curious reader. */
function curious(
  value: unknown,
  speaks: (name: string) => boolean,
  found: string[],
  inside = false,
): string[] {
  if (typeof value === "string" && inside && value !== "") found.push(value);
  if (Array.isArray(value)) for (const one of value) curious(one, speaks, found, inside);
  else if (typeof value === "object" && value !== null)
    for (const [name, one] of Object.entries(value))
      if (!callersOwn.has(name)) curious(one, speaks, found, speaks(name));
  return found;
}

describe("whatever body is allowed", () => {
  it("names no deployment and no object that the target does not hold", () => {
    let allowed = 0;
    let several = 0;
    fc.assert(
      fc.property(body, fc.constantFrom(...heads), fc.boolean(), (value, head, named) => {
        const given = named ? { ...value, model: "one" } : value;
        const verdict = parseBody(head, Buffer.from(JSON.stringify(given)));
        if (!verdict.allowed) return;
        allowed += 1;
        const { deployments, objects } = verdict.value;
        several += Number(deployments.length + objects.length > 1);
        expect(deployments).toEqual(expect.arrayContaining(curious(given, isDeploymentKey, [])));
        expect(objects.map(({ id }) => id)).toEqual(expect.arrayContaining(curious(given, isObjectKey, [])));
      }),
      { numRuns: 60_000 },
    );
    expect(allowed).toBeGreaterThan(3000);
    expect(several).toBeGreaterThan(100);
  });
});

describe("whatever message is allowed", () => {
  it("names no deployment and no object that was not told", () => {
    let allowed = 0;
    let named = 0;
    fc.assert(
      fc.property(body, fc.constantFrom("realtime" as const, "responses" as const), (value, kind) => {
        const given = { ...value, type: "session.update" };
        const verdict = readRealtimeFrame(JSON.stringify(given), kind);
        if (!verdict.allowed) return;
        allowed += 1;
        const { deployments, objects } = verdict.value;
        named += deployments.length;
        expect(deployments).toEqual(expect.arrayContaining(curious(given, isDeploymentKey, [])));
        // Ids of the session are the caller's own.
        const ids = curious(
          given,
          (name) => isObjectKey(name) && !(kind === "realtime" && name === "response_id"),
          [],
        );
        expect(objects.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
      }),
      { numRuns: 40_000 },
    );
    expect(allowed).toBeGreaterThan(2000);
    expect(named).toBeGreaterThan(15);
  });
});
