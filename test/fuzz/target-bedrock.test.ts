import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBody } from "../../src/target/parse-body.ts";
import { parseHead } from "../../src/target/parse-head.ts";

const headOf = (operation: string) => {
  const url = `/model/one/${operation}`;
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const heads = ["converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"].map(
  headOf,
);

/** What Bedrock's bodies are made of, in words of today and in words that they may have tomorrow. */
const key = fc.constantFrom(
  ...`messages content text system role toolUse toolResult toolUseId tool_use_id image document source bytes
    s3Location S3Location s3_location uri inputS3Uri toolConfig tools toolSpec inputSchema input json input_schema
    additionalModelRequestFields guardrailConfig guardrailIdentifier model modelId model_id modelArn promptRouterArn
    arn inferenceProfileArn adapter converse invokeModel promptVariables metadata requestMetadata documents type
    file_id knowledgeBaseId outputConfig`
    .trim()
    .split(/\s+/),
);
const leaf = fc.constantFrom<unknown>("one", "s3://bucket/key", "arn:aws:x", "auto", 1, true, null, "");
const { body } = fc.letrec<{ body: object; value: unknown }>((tie) => ({
  body: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    leaf,
    tie("body"),
    fc.array(tie("value"), { maxLength: 2 }),
  ),
}));

/** The caller's own, or the model's: nothing in there is looked up by Bedrock. */
const opaque = new Set(
  "metadata requestMetadata promptVariables documents input json inputSchema input_schema".split(" "),
);
const fold = (name: string) => name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
const speaks = (name: string) =>
  /(?:^|_)model(?:_|$)|(?:^|_)arn$|s3_(?:location|uri)|guardrail/.test(fold(name)) &&
  !["additionalModelRequestFields", "invokeModel"].includes(name);

/**
 * Whether the most curious reader finds a name outside of what is opaque.
 * @param counts `input` is what is counted, and no call of a tool
 */
function finds(value: unknown, depth = 0, counts = false): boolean {
  if (Array.isArray(value)) return value.some((one) => finds(one, depth, counts));
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, one]) => {
    if (opaque.has(name) && !(counts && depth === 0 && name === "input")) return false;
    return (speaks(name) && one !== null) || finds(one, depth + 1, counts);
  });
}

describe("whatever body of Bedrock's is allowed", () => {
  it("names no second model and nothing of the account's", () => {
    let allowed = 0;
    let refused = 0;
    fc.assert(
      fc.property(body, fc.constantFrom(...heads), (value, head) => {
        const verdict = parseBody(head, Buffer.from(JSON.stringify(value)));
        if (!verdict.allowed) {
          refused += 1;
          return;
        }
        allowed += 1;
        expect([value, finds(value, 0, head.operation.name === "bedrock-count-tokens")]).toEqual([
          value,
          false,
        ]);
        expect(verdict.value).toMatchObject({ deployments: ["one"], objects: [] });
      }),
      { numRuns: 40_000 },
    );
    expect(allowed).toBeGreaterThan(2000);
    expect(refused).toBeGreaterThan(2000);
  });
});
