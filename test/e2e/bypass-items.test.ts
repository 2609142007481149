import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

describe("an item of somebody's store, named in a body", () => {
  const target = "/openai/v1/responses";
  const asking = (item: string) => ({ target, body: `{"model":"gpt-test","input":[${item}]}` });

  it.each([
    '{"type":"item_reference","id":"msg_1"}',
    '{"id":"msg_1"}',
    '{"type":null,"id":"msg_1"}',
    '{"type":"message","role":"user","id":"msg_1"}',
    '{"type":"reasoning","id":"rs_1","summary":[]}',
    '{"type":"web_search_call","id":"ws_1","status":"completed"}',
  ])("%s: reaches nobody, and the same with its content passes", (item) =>
    expect(
      bench.prove({
        good: asking('{"type":"message","role":"user","id":"msg_1","content":"x"}'),
        arrives: { operation: "responses" },
        bad: asking(item),
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );
});
