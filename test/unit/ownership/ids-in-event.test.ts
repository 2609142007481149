import { expect, it } from "vitest";
import { responseIdIn } from "../../../src/ownership/ids-in-event.ts";

it.each<[string, string | undefined]>([
  ['{"type":"response.created","response":{"id":"resp_1"}}', "resp_1"],
  ['{"response" : {"id":"resp_1"},"type":"response.queued"}', "resp_1"],
  ['{"type":"response.output_text.delta","delta":"\\"response\\""}', undefined],
  ['{"type":"x","item":{"response":{"id":"resp_1"}}}', undefined],
  ['{"type":"x","response":"resp_1"}', undefined],
  ['{"type":"x","response":{"id":"../1"}}', undefined],
  ['{"type":"x","response":{"id":7}}', undefined],
  ['{"response":', undefined],
])("the response of %s is %s", (event, id) => {
  expect(responseIdIn(Buffer.from(event))).toBe(id);
});

it("an event over a MiB is not parsed", () => {
  const event = { response: { id: "resp_1" }, filler: "x".repeat(1024 * 1024) };
  expect(responseIdIn(Buffer.from(JSON.stringify(event)))).toBeUndefined();
});
