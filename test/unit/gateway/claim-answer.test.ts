import { describe, expect, it } from "vitest";
import { type AnswerClaims, claimingAnswer } from "../../../src/gateway/claim-answer.ts";
import { settle } from "../../support/manual-clock.ts";

const json = ["Content-Type", "application/json"];
const created = Buffer.from('{"id":"file-1"}');

/** A claiming answer between a backend that the test plays and a client whose every event is written down. */
function between(claim?: AnswerClaims["claim"]) {
  const events: string[] = [];
  let room = true;
  let over = false;
  const sink = claimingAnswer({
    expected: { creates: "file" },
    claim:
      claim ??
      (async (objects) => {
        events.push(`claim ${objects.map(({ id }) => id).join()}`);
      }),
    unclaimed: (why) => events.push(`unclaimed: ${why}`),
  })(
    {
      head: (status) => events.push(`head ${status}`),
      data(chunk) {
        events.push(`data ${Buffer.from(chunk).toString()}`);
        return room;
      },
      end: () => events.push("end"),
      error: (fault) => events.push(`error ${fault.message}`),
    },
    {
      resume: () => events.push("resume"),
      withhold: (fault) => events.push(`withheld: ${(fault as Error).message}`),
      over: () => over,
    },
  );
  return { sink, events, fill: () => (room = false), leave: () => (over = true) };
}

describe("an answer that creates an object", () => {
  it("is given out, head and all, only after the claim", async () => {
    const gate = Promise.withResolvers<void>();
    const { sink, events } = between(() => gate.promise);
    sink.head(200, json);
    expect(sink.data(created)).toBe(true);
    sink.end();
    await settle();
    expect(events).toEqual([]);
    gate.resolve();
    await settle();
    expect(events).toEqual(["head 200", `data ${created.toString()}`, "end"]);
  });

  it("tells the backend to wait while a stream's id is being claimed, and to go on after", async () => {
    const gate = Promise.withResolvers<void>();
    const { sink, events } = between(() => gate.promise);
    sink.head(200, ["content-type", "text/event-stream"]);
    expect(sink.data(Buffer.from('data: {"id":'))).toBe(true);
    expect(sink.data(Buffer.from('"file-1"}\n\n'))).toBe(false);
    expect(sink.data(Buffer.from("data: more\n\n"))).toBe(false);
    gate.resolve();
    await settle();
    expect(events.map((event) => event.split(" ")[0])).toEqual(["head", "data", "data", "data", "resume"]);
    expect(sink.data(Buffer.from("later"))).toBe(true);
    expect(events.at(-1)).toBe("data later");
  });

  it("leaves it to a client that is full to have the backend go on", async () => {
    const { sink, events, fill } = between();
    fill();
    sink.head(200, ["content-type", "text/event-stream"]);
    expect(sink.data(Buffer.from('data: {"id":"file-1"}\n\n'))).toBe(false);
    await settle();
    expect(events).not.toContain("resume");
  });

  it("is withheld when the claim fails", async () => {
    const { sink, events } = between(() => Promise.reject(new Error("somebody else's")));
    sink.head(200, json);
    sink.data(created);
    sink.end();
    await settle();
    expect(events).toEqual(["withheld: somebody else's"]);
  });

  it("is dropped when the client left during the claim", async () => {
    const gate = Promise.withResolvers<void>();
    const { sink, events, leave } = between(() => gate.promise);
    sink.head(200, json);
    sink.data(created);
    sink.end();
    leave();
    gate.resolve();
    await settle();
    expect(events).toEqual([]);
  });

  it("passes unclaimed, and says so, when it shows no id", () => {
    const { sink, events } = between();
    sink.head(200, json);
    sink.data(Buffer.from("{}"));
    sink.end();
    expect(events).toEqual([expect.stringContaining("unclaimed: "), "head 200", "data {}", "end"]);
  });

  it("passes unclaimed when it is compressed", () => {
    const { sink, events } = between();
    sink.head(200, [...json, "Content-Encoding", "gzip"]);
    sink.data(Buffer.from("x"));
    expect(events).toEqual(["unclaimed: the answer is encoded", "head 200", "data x"]);
  });

  it("passes at once when it is no good one", () => {
    const { sink, events } = between();
    sink.head(429, json);
    sink.data(created);
    sink.end();
    expect(events).toEqual(["head 429", `data ${created.toString()}`, "end"]);
  });

  it.each([
    ["before its id", Buffer.from("{")],
    ["during the claim", Buffer.from('data: {"id":"file-1"}\n\n')],
  ])("that breaks off %s is a fault without a head", async (_when, chunk) => {
    const gate = Promise.withResolvers<void>();
    const { sink, events } = between(() => gate.promise);
    sink.head(200, ["content-type", "text/event-stream"]);
    sink.data(chunk);
    sink.error(new Error("broke off"));
    gate.resolve();
    await settle();
    expect(events).toEqual(["error broke off"]);
  });
});
