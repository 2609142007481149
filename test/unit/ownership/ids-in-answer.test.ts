import { describe, expect, it } from "vitest";
import {
  type Expected,
  mostHeldBytes,
  namesObjects,
  type Sighting,
  watchAnswer,
} from "../../../src/ownership/ids-in-answer.ts";

const watching = { state: "watching" };
const json = "application/json; charset=utf-8";
const stream = "text/event-stream";

/** Plays an answer in pieces of `size` bytes until the watch ends; also says after how many bytes it did. */
function watch(expected: Expected, type: string | undefined, text: string, size = text.length) {
  const bytes = Buffer.from(text);
  const watcher = watchAnswer(expected, type);
  for (let at = 0; at < bytes.length; at += size) {
    const sighting = watcher.push(bytes.subarray(at, at + size));
    if (sighting.state !== "watching") return { sighting, after: Math.min(at + size, bytes.length) };
  }
  return { sighting: watcher.end(), after: "end" as const };
}
const seen = (...objects: readonly object[]) => ({ state: "seen", objects });
const why = (sighting: Sighting) => (sighting.state === "unseen" ? sighting.why : sighting);

describe("the ids in a JSON answer", () => {
  const response = { creates: "response" } as const;

  it.each([1, 7, 1000])("are found in pieces of %i bytes", (size) => {
    const answer = JSON.stringify({ object: "response", output: [{ id: "msg_1" }], id: "resp_1" });
    expect(watch(response, json, answer, size)).toEqual({
      sighting: seen({ kind: "response", id: "resp_1" }),
      after: "end",
    });
  });

  it("are read where the operation says", () => {
    const run = JSON.stringify({ id: "run_1", thread_id: "thread_1" });
    expect(watch({ creates: "thread", createdIn: "thread_id" }, json, run).sighting).toEqual(
      seen({ kind: "thread", id: "thread_1" }),
    );
    const upload = JSON.stringify({ id: "upload_1", expires_at: 1, file: { id: "file-1", expires_at: 2 } });
    expect(watch({ creates: "file", createdIn: "file.id" }, json, upload).sighting).toEqual(
      seen({ kind: "file", id: "file-1", expiresAt: 2000 }),
    );
  });

  it("come with the end that the answer tells", () => {
    const file = JSON.stringify({ id: "file-1", expires_at: 1_800_000_000 });
    expect(watch({ creates: "file" }, json, file).sighting).toEqual(
      seen({ kind: "file", id: "file-1", expiresAt: 1_800_000_000_000 }),
    );
    const kept = JSON.stringify({ id: "file-1", expires_at: null });
    expect(watch({ creates: "file" }, json, kept).sighting).toEqual(seen({ kind: "file", id: "file-1" }));
  });

  it("include the files that a batch or a job names, whoever asks about it", () => {
    const batch = {
      id: "batch_1",
      input_file_id: "file-in",
      output_file_id: "file-out",
      error_file_id: null,
    };
    expect(watch({ about: "batch" }, json, JSON.stringify(batch)).sighting).toEqual(
      seen({ kind: "file", id: "file-out" }),
    );
    expect(watch({ creates: "batch" }, json, JSON.stringify(batch)).sighting).toEqual(
      seen({ kind: "batch", id: "batch_1" }, { kind: "file", id: "file-out" }),
    );
    const job = { id: "ftjob-1", training_file: "file-in", result_files: ["file-a", "file-b"] };
    expect(watch({ about: "job" }, json, JSON.stringify(job)).sighting).toEqual(
      seen({ kind: "file", id: "file-a" }, { kind: "file", id: "file-b" }),
    );
  });

  it.each([
    ["no JSON", "{", /not JSON/],
    ["a bare string", '"id"', /not JSON/],
    ["an answer without the id", '{"object":"response"}', /no id in "id"/],
    ["an id that is a number", '{"id":7}', /no id/],
    ["an id of another alphabet", '{"id":"../x"}', /no id/],
    ["an id within another member only", '{"response":{"id":"resp_1"}}', /no id/],
    ["nothing at all", "", /not JSON/],
  ])("are unseen in %s", (_what, text, reason) => {
    expect(why(watch(response, json, text).sighting)).toMatch(reason);
  });

  it("are found at the begin of an answer that is too large to hold", () => {
    const large = JSON.stringify({ id: "resp_1", output: "x".repeat(2 * mostHeldBytes) });
    const { sighting, after } = watch(response, json, large, 65_536);
    expect(sighting).toEqual(seen({ kind: "response", id: "resp_1" }));
    expect(after).toBeLessThanOrEqual(mostHeldBytes + 65_536);
  });

  it("are unseen behind more than can be held", () => {
    const large = JSON.stringify({ output: "x".repeat(2 * mostHeldBytes), id: "resp_1" });
    expect(why(watch(response, json, large, 65_536).sighting)).toMatch(/too large/);
    expect(why(watch({ about: "batch" }, json, large, 65_536).sighting)).toMatch(/too large/);
  });
});

describe("the id in an event stream", () => {
  const response = { creates: "response" } as const;
  const event = (data: object, name = "x") => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const created = event({ type: "response.created", response: { id: "resp_1", output: [] } });
  const delta = event({ type: "response.output_text.delta", item_id: "msg_1", delta: "hello" });

  it.each([1, 5, 4096])("ends the watch with the event that holds it, in pieces of %i bytes", (size) => {
    const { sighting, after } = watch(response, stream, `${created}${delta.repeat(50)}`, size);
    expect(sighting).toEqual(seen({ kind: "response", id: "resp_1" }));
    expect(after).toBeLessThan(created.length + size);
  });

  it("is found with every line end, over comments and data of several lines", () => {
    const text = ': hello\r\n\r\ndata: {"response":\r\ndata: {"id":"resp_1"}}\r\n\r\n';
    for (const end of ["\r\n", "\n", "\r"])
      expect(watch(response, stream, `${text.replaceAll("\r\n", end)}:${end}`, 3).sighting).toEqual(
        seen({ kind: "response", id: "resp_1" }),
      );
  });

  it("is that of the object itself in the streams of other kinds", () => {
    const chunk = `${event({ id: "", choices: [] })}${event({ id: "chatcmpl-1" })}data: [DONE]\n\n`;
    expect(watch({ creates: "completion" }, stream, chunk).sighting).toEqual(
      seen({ kind: "completion", id: "chatcmpl-1" }),
    );
    const run = `${event({ id: "thread_1" })}${event({ id: "run_1", thread_id: "thread_1" })}`;
    expect(watch({ creates: "thread", createdIn: "thread_id" }, stream, run).sighting).toEqual(
      seen({ kind: "thread", id: "thread_1" }),
    );
  });

  it("is unseen when the stream ends, or goes on, without it", () => {
    expect(why(watch(response, stream, delta).sighting)).toMatch(/ended without an id/);
    const long = delta.repeat(Math.ceil((2 * mostHeldBytes) / delta.length));
    expect(why(watch(response, stream, long, 65_536).sighting)).toMatch(/begin holds no id/);
  });
});

describe("an answer that is not read", () => {
  it.each([undefined, "text/html", "application/jsonl", "application/octet-stream"])("of type %s", (type) => {
    expect(watch({ creates: "file" }, type, '{"id":"file-1"}').sighting).toMatchObject({ state: "unseen" });
  });

  it("does not hold up anything: the first piece ends the watch", () => {
    expect(watchAnswer({ creates: "file" }, "video/mp4").push(Buffer.from("x"))).not.toEqual(watching);
  });
});

describe("operations that name objects in their answers", () => {
  it("are those that create one, and those about batches and jobs", () => {
    const all: Expected[] = [
      {},
      { about: "file" },
      { about: "batch" },
      { about: "job" },
      { creates: "file" },
    ];
    expect(all.map(namesObjects)).toEqual([false, false, true, true, true]);
  });
});
