import { describe, expect, it } from "vitest";
import { converseAnswer, converseEvents, usageOf } from "../../../src/dev/aws/answers.ts";
import type { AnswerSink } from "../../../src/forward/forwarder.ts";
import { measureAnswer } from "../../../src/gateway/measure-answer.ts";
import type { Usage } from "../../../src/model/usage.ts";
import { operations } from "../../../src/target/operations.ts";

const request = { messages: [{ content: [{ text: "one two three" }] }] };
const { inputTokens, outputTokens } = usageOf(request);
const events = ["content-type", "application/vnd.amazon.eventstream"];
const json = ["content-type", "application/json"];

const named = (name: string) => {
  const found = operations.find((operation) => operation.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

/** The answer to an operation, what the client got of it, and what was told of it, in order. */
function measuring(name = "bedrock-converse-stream") {
  const seen: string[] = [];
  const told: (Usage | undefined)[] = [];
  const inner: AnswerSink = {
    head: (status) => seen.push(`head ${status}`),
    data(chunk) {
      seen.push(`data ${Buffer.from(chunk).toString("base64")}`);
      return seen.length % 2 === 0;
    },
    end: () => seen.push("end"),
    error: ({ message }) => seen.push(`error ${message}`),
  };
  const measure = measureAnswer(named(name), (usage) => {
    seen.push("told");
    told.push(usage);
  });
  if (measure === undefined) throw new Error("not measured");
  return { seen, told, measure, backend: measure.measured(inner) };
}

describe("an answer that is measured", () => {
  it("passes first, byte for byte, with the client's word about room, and then is told", () => {
    const { seen, told, measure, backend } = measuring();
    backend.head(200, events);
    const chunks = [...converseEvents(request)];
    const room = chunks.map((chunk) => backend.data(chunk));
    backend.end();
    measure.over();
    expect(seen).toEqual([
      "head 200",
      ...chunks.map((chunk) => `data ${chunk.toString("base64")}`),
      "end",
      "told",
    ]);
    expect(room).toEqual(chunks.map((_, at) => at % 2 === 0));
    expect(told).toEqual([{ inputTokens, outputTokens }]);
  });

  it("is not counted before its end was handed on, also where the attempt is over before that", () => {
    const seen: unknown[] = [];
    const measure = measureAnswer(named("bedrock-converse"), (usage) => seen.push(usage));
    const backend = measure?.measured({
      head() {},
      data: () => true,
      // As the relay does it.
      end() {
        measure.over();
        seen.push("end");
      },
      error() {},
    });
    backend?.head(200, json);
    backend?.data(Buffer.from(JSON.stringify(converseAnswer(request))));
    backend?.end();
    expect(seen).toEqual(["end", { inputTokens, outputTokens }]);
  });

  it("is unknown when it breaks off or its client leaves, once", () => {
    const { seen, told, measure, backend } = measuring();
    backend.head(200, events);
    for (const chunk of converseEvents(request)) backend.data(chunk);
    backend.error(new Error("reset"));
    measure.over();
    measure.over();
    expect(told).toEqual([undefined]);
    expect(seen).toContain("error reset");
  });

  it("is unknown when it is not what it says", () => {
    const { told, backend } = measuring();
    backend.head(200, events);
    backend.data(Buffer.from("<html>"));
    backend.end();
    expect(told).toEqual([undefined]);
  });

  it.each([400, 429, 500])("is nothing to tell of with status %i", (status) => {
    const { seen, measure, backend } = measuring();
    backend.head(status, json);
    backend.data(Buffer.from("{}"));
    backend.end();
    measure.over();
    expect(seen).toEqual([`head ${status}`, "data e30=", "end"]);
  });

  it("is nothing to tell of before its head", () => {
    const { told, measure } = measuring();
    measure.over();
    expect(told).toEqual([]);
  });

  it("costs the count and nothing else when its reader fails", () => {
    const { seen, told, backend } = measuring();
    backend.head(200, events);
    // No reader takes this; the client's side here does.
    const odd = new Proxy(Buffer.from("odd"), {
      get: (target, key) => {
        if (key === "buffer") throw new Error("a reader's fault");
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    expect(() => backend.data(odd)).not.toThrow();
    backend.data(Buffer.from("more"));
    backend.end();
    expect(seen.slice(-3)).toEqual([expect.stringContaining("data"), "end", "told"]);
    expect(told).toEqual([undefined]);
  });
});

it.each(["bedrock-count-tokens", "chat-completions", "files-list"])("%s is not measured", (name) => {
  expect(measureAnswer(named(name), () => {})).toBeUndefined();
});
