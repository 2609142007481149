import { describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { BackendPool } from "../../../src/backend/pool.ts";
import { RetryBudget } from "../../../src/backend/retry-budget.ts";
import { Upstream } from "../../../src/backend/upstream.ts";
import { BackendFault } from "../../../src/forward/backend-fault.ts";
import { type Attempt, type Triable, tryPlaces } from "../../../src/gateway/attempts.ts";
import type { ExchangeDraft } from "../../../src/gateway/exchange-draft.ts";
import type { Place, ReadyBackend } from "../../../src/gateway/gateway.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { ManualClock } from "../../support/manual-clock.ts";

interface Changes extends Partial<Triable> {
  readonly backends?: readonly string[];
  readonly attempts?: number;
  /** Whether the credential has another value after a 401. */
  readonly renews?: boolean;
}

/** Tries north, then south, as `attempt` says of each. */
function trying(attempt: (place: string, attempt: Attempt) => unknown, changes: Changes = {}) {
  const clock = new ManualClock();
  const { backends = ["north", "south"], attempts = 3, renews = true, ...rest } = changes;
  const refused: unknown[] = [];
  const outbound = {
    refused(headers: unknown) {
      refused.push(headers);
      return renews;
    },
  };
  const places: Place[] = backends.map((name, at) => ({
    backend: { name, outbound } as unknown as ReadyBackend,
    member: {
      upstream: new Upstream(
        "gpt",
        { backend: name, concurrency: undefined, outstanding: 0 },
        new CircuitBreaker(
          { failures: 1, openMs: 10_000, maxOpenMs: 10_000, slowStartMs: 0 },
          clock,
          () => 0,
        ),
      ),
      priority: at + 1,
      weight: 1,
    },
  }));
  const pool = new BackendPool({
    members: places.map(({ member }) => member),
    selection: "weighted",
    budget: new RetryBudget({ percent: 0, burst: 10 }),
    attempts,
    retryWithinMs: 1000,
    random: () => 0,
  });
  const draft = { startedAt: clock.now() } as ExchangeDraft;
  const triable: Triable = {
    draft,
    retryable: true,
    replayable: true,
    isAnswered: () => false,
    isCallerGone: () => false,
    ...rest,
  };
  const seen: string[] = [];
  const answer = tryPlaces({ clock }, { pool, places }, triable, async (one): Promise<unknown> => {
    seen.push(one.place.backend.name);
    return attempt(one.place.backend.name, one);
  });
  const states = () =>
    places.map(({ member }) => [member.upstream.outstanding, member.upstream.state().state]);
  return { answer, seen, draft, states, refused };
}

const answered =
  (status: number) =>
  (_place: string, { judge }: Attempt) => {
    const verdict = judge(status, [], ["authorization", "x"]);
    return verdict.pass ? { status, ...verdict } : "again";
  };
const fault = (sent: boolean) => new BackendFault("backend_unreachable", "it broke", { sent });
const throwing = (thrown: unknown) => () => {
  throw thrown;
};

describe("what is tried at one place after the other", () => {
  it("ends with the first good answer, and nothing stays under way", async () => {
    const { answer, seen, draft, states } = trying((place, attempt) =>
      place === "north" ? throwing(fault(true))() : answered(200)(place, attempt),
    );
    expect(await answer).toEqual({ status: 200, pass: true });
    expect(seen).toEqual(["north", "south"]);
    expect(draft).toMatchObject({ backend: "south", attempts: 2 });
    expect(states()).toEqual([
      [0, "open"],
      [0, "closed"],
    ]);
  });

  it("goes once more to the same place with a renewed credential, and only once", async () => {
    const { answer, seen, refused } = trying(answered(401));
    expect(await answer).toEqual({ status: 401, pass: true });
    expect(seen).toEqual(["north", "north"]);
    expect(refused).toEqual([["authorization", "x"]]);
  });

  it("passes a 401 on when there is no other credential", async () => {
    const { answer, seen } = trying(answered(401), { renews: false });
    expect(await answer).toEqual({ status: 401, pass: true });
    expect(seen).toEqual(["north"]);
  });

  it("is over when all are tried: the last word says when to come back", async () => {
    const passed = trying(answered(503));
    expect(await passed.answer).toEqual({ status: 503, pass: true, retryAfterSeconds: 10 });
    expect(passed.seen).toEqual(["north", "south"]);
    const failed = trying(throwing(fault(true)));
    await expect(failed.answer).rejects.toMatchObject({
      code: "backend_unreachable",
      retryAfterSeconds: 10,
    });
    expect(failed.states()).toEqual([
      [0, "open"],
      [0, "open"],
    ]);
  });

  it("goes on to another place where one has no credential, and blames nobody for it", async () => {
    const none = new GatewayError("credential_unavailable", "no token");
    const { answer, seen, states } = trying(throwing(none));
    await expect(answer).rejects.toBe(none);
    expect(seen).toEqual(["north", "south"]);
    expect(states()).toEqual([
      [0, "closed"],
      [0, "closed"],
    ]);
  });

  it.each<[string, unknown, Changes]>([
    ["was answered", fault(true), { isAnswered: () => true }],
    ["lost its caller", fault(true), { isCallerGone: () => true }],
    ["cannot be sent twice", fault(false), { replayable: false }],
    ["may have been served and would do harm twice", fault(true), { retryable: false }],
    ["has had its number of attempts", fault(true), { attempts: 1 }],
    ["failed for a reason of the gateway's own", new Error("a fault"), {}],
  ])("is not tried again when it %s", async (_what, thrown, changes) => {
    const { answer, seen, states } = trying(throwing(thrown), changes);
    await expect(answer).rejects.toBe(thrown);
    expect(seen).toEqual(["north"]);
    expect(states().map(([outstanding]) => outstanding)).toEqual([0, 0]);
  });

  it("is tried where nothing was sent, also when it would do harm twice", async () => {
    const { answer, seen } = trying(throwing(fault(false)), { retryable: false });
    await expect(answer).rejects.toThrow("it broke");
    expect(seen).toEqual(["north", "south"]);
  });

  it("must not end without an answer and without a next attempt", async () => {
    await expect(trying(() => "again").answer).rejects.toMatchObject({ code: "internal_error" });
  });
});
