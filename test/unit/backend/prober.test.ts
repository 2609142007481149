import { describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../../src/backend/attempt-outcome.ts";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { startProber } from "../../../src/backend/prober.ts";
import { Upstream } from "../../../src/backend/upstream.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function probing(...answers: (AttemptOutcome | Promise<AttemptOutcome>)[]) {
  const clock = new ManualClock();
  const options = { failures: 2, openMs: 15_000, maxOpenMs: 60_000, slowStartMs: 0 };
  const upstreams = ["a", "b"].map(
    (name) =>
      new Upstream(
        name,
        { backend: "main", concurrency: undefined, outstanding: 0 },
        new CircuitBreaker(options, clock, () => 0),
      ),
  );
  let asked = 0;
  const prober = startProber({
    clock,
    intervalMs: 10_000,
    upstreams,
    ask: () => Promise.resolve(answers[asked++] ?? { kind: "timeout" }),
  });
  return { clock, prober, upstreams, asked: () => asked };
}
const answered = (status: number, headers: string[] = []): AttemptOutcome => ({
  kind: "answered",
  status,
  headers,
});
const states = (upstreams: readonly Upstream[]) => upstreams.map((one) => one.state().state);

describe("a prober", () => {
  it("opens the circuits of a backend that does not answer, and closes them when it does again", async () => {
    const { clock, upstreams } = probing(
      { kind: "timeout" },
      { kind: "unsent" },
      answered(200),
      answered(200),
    );
    await clock.advance(20_000);
    expect(states(upstreams)).toEqual(["open", "open"]);
    // A good answer before the circuit's time is over proves nothing about the requests that failed.
    await clock.advance(10_000);
    expect(states(upstreams)).toEqual(["open", "open"]);
    await clock.advance(10_000);
    expect(states(upstreams)).toEqual(["closed", "closed"]);
  });

  it("takes a refusal for a sign of life, and no hint about limits", async () => {
    const usedUp = ["x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "60"];
    const { clock, upstreams } = probing(
      answered(401),
      answered(429, ["retry-after", "60"]),
      answered(404, usedUp),
    );
    await clock.advance(30_000);
    expect(states(upstreams)).toEqual(["closed", "closed"]);
  });

  it("takes 5xx for a failure", async () => {
    const { clock, upstreams } = probing(answered(500), answered(501));
    await clock.advance(20_000);
    expect(states(upstreams)).toEqual(["open", "open"]);
  });

  it("asks no more when it is stopped", async () => {
    const { clock, prober, asked } = probing(answered(200));
    await clock.advance(10_000);
    prober.stop();
    await clock.advance(60_000);
    expect([asked(), clock.pending]).toEqual([1, 0]);
  });

  it("learns nothing from an answer that comes after its stop", async () => {
    const second = Promise.withResolvers<AttemptOutcome>();
    const { clock, prober, upstreams } = probing(answered(500), second.promise);
    await clock.advance(20_000);
    prober.stop();
    second.resolve(answered(500));
    await clock.advance(60_000);
    expect([states(upstreams), clock.pending]).toEqual([["closed", "closed"], 0]);
  });
});
