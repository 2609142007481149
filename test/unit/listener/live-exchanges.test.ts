import { describe, expect, it } from "vitest";
import type { ConnectionCaller } from "../../../src/gateway/caller.ts";
import { LiveExchanges } from "../../../src/listener/live-exchanges.ts";
import { allow, deny, type Denied, type Verdict } from "../../../src/model/verdict.ts";
import type { ClientEntry } from "../../../src/policy/client-map.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { oldGenerationGrowth } from "../../support/old-generation.ts";

const revoked = deny("client_certificate_revoked", "It was revoked.");

/** A caller whose verdict a test can turn. */
function callerThatIs(initial: "allowed" | "denied") {
  let state = initial;
  const caller = {
    identify: () => (state === "allowed" ? { allowed: true } : revoked),
  } as unknown as ConnectionCaller;
  return { caller, turn: (next: "allowed" | "denied") => void (state = next) };
}

describe("LiveExchanges", () => {
  it("cuts an exchange whose caller is denied when the facts change, with the reason", async () => {
    const live = new LiveExchanges(new ManualClock());
    const { caller, turn } = callerThatIs("allowed");
    const cuts: Denied[] = [];
    live.add(caller, (denied) => cuts.push(denied));
    turn("denied");
    await live.judge();
    expect(cuts).toEqual([revoked]);
    expect(live.count).toBe(0);
  });

  it("leaves the others alone", async () => {
    const live = new LiveExchanges(new ManualClock());
    const cuts: string[] = [];
    live.add(callerThatIs("allowed").caller, () => cuts.push("allowed"));
    live.add(callerThatIs("denied").caller, () => cuts.push("denied"));
    await live.judge();
    expect(cuts).toEqual(["denied"]);
    expect(live.count).toBe(1);
  });

  it("looks by itself within a second, for a certificate that runs out without any news", async () => {
    const clock = new ManualClock();
    const live = new LiveExchanges(clock);
    const { caller, turn } = callerThatIs("allowed");
    let cut = 0;
    live.add(caller, () => (cut += 1));
    await clock.advance(600);
    expect(cut).toBe(0);
    turn("denied");
    await clock.advance(600);
    expect(cut).toBe(1);
  });

  describe("with a caller for whose decision data is missing", () => {
    const unknown = { ...deny("revocation_unavailable", "Nobody knows."), missing: [] };

    function callerThatLacks() {
      const fetching = Promise.withResolvers<{ allowed: boolean } | Denied>();
      let fetches = 0;
      const caller = {
        identify: () => unknown,
        get isFetching() {
          return fetches > 0;
        },
        async identifyOrFetch() {
          fetches += 1;
          return await fetching.promise.finally(() => (fetches -= 1));
        },
      };
      return { caller: caller as unknown as ConnectionCaller, ...fetching, fetches: () => fetches };
    }

    it("has the data fetched, once, and goes on when that helped", async () => {
      const live = new LiveExchanges(new ManualClock());
      const { caller, resolve, fetches } = callerThatLacks();
      let cut = 0;
      live.add(caller, () => (cut += 1));
      await live.judge();
      await live.judge();
      expect(fetches()).toBe(1);
      resolve({ allowed: true });
      await settle();
      expect([cut, live.count]).toEqual([0, 1]);
    });

    it("cuts when that did not help", async () => {
      const live = new LiveExchanges(new ManualClock());
      const { caller, resolve } = callerThatLacks();
      const cuts: Denied[] = [];
      live.add(caller, (denied) => cuts.push(denied));
      await live.judge();
      expect(cuts).toEqual([]);
      resolve(unknown);
      await settle();
      expect(cuts).toEqual([unknown]);
    });

    it("leaves a request alone that waits for the same fetch to be decided at all", async () => {
      const live = new LiveExchanges(new ManualClock());
      const { caller, resolve } = callerThatLacks();
      let cut = 0;
      const exchange = live.add(caller, () => (cut += 1));
      const own = Promise.resolve(caller.identifyOrFetch()).then(() => exchange.end());
      await live.judge();
      resolve(unknown);
      await own;
      await settle();
      expect(cut).toBe(0);
    });
  });

  describe("with an exchange that was granted", () => {
    const withdrawn = deny("deployment_not_permitted", "It is not granted any more.");

    function grantedTo(entry: ClientEntry, again: (changed: ClientEntry) => Verdict<unknown>) {
      let current = entry;
      const caller = { identify: () => allow({ entry: current }) } as unknown as ConnectionCaller;
      const live = new LiveExchanges(new ManualClock());
      const cuts: Denied[] = [];
      live.add(caller, (denied) => cuts.push(denied)).granted(entry, again);
      return { live, cuts, change: (next: ClientEntry) => (current = next) };
    }
    const entryCalled = (name: string) => ({ name }) as ClientEntry;

    it("cuts it when the client's entry changed and grants it no more", async () => {
      const { live, cuts, change } = grantedTo(entryCalled("before"), () => withdrawn);
      await live.judge();
      expect(cuts).toEqual([]);
      change(entryCalled("after"));
      await live.judge();
      expect(cuts).toEqual([withdrawn]);
    });

    it("lets it go on when the changed entry grants it, and asks once a change", async () => {
      const asked: string[] = [];
      const { live, cuts, change } = grantedTo(entryCalled("before"), ({ name }) => {
        asked.push(name);
        return allow(undefined);
      });
      change(entryCalled("after"));
      await live.judge();
      await live.judge();
      expect([cuts, asked]).toEqual([[], ["after"]]);
    });
  });

  it("does not touch an exchange that has ended", async () => {
    const live = new LiveExchanges(new ManualClock());
    let cut = 0;
    live.add(callerThatIs("denied").caller, () => (cut += 1)).end();
    await live.judge();
    expect(cut).toBe(0);
  });

  it("holds no timer while nothing is under way", async () => {
    const clock = new ManualClock();
    const live = new LiveExchanges(clock);
    live.add(callerThatIs("allowed").caller, () => {}).end();
    await clock.advance(600);
    expect(clock.pending).toBe(0);
  });

  it("lets requests have their turn while many exchanges are judged", async () => {
    const live = new LiveExchanges(new ManualClock());
    let judged = 0;
    const caller = {
      identify() {
        judged += 1;
        return { allowed: true };
      },
    } as unknown as ConnectionCaller;
    for (let at = 0; at < 1000; at += 1) live.add(caller, () => {});
    let judgedAtTurn = 0;
    setImmediate(() => {
      judgedAtTurn = judged;
    });
    await live.judge();
    expect(judged).toBe(1000);
    expect(judgedAtTurn).toBeLessThan(1000);
  });

  it("cuts the one that cannot be judged, and judges the others all the same", async () => {
    const live = new LiveExchanges(new ManualClock());
    const cuts: string[] = [];
    const broken = {
      identify() {
        throw new Error("broken");
      },
    } as unknown as ConnectionCaller;
    live.add(broken, ({ code }) => cuts.push(code));
    live.add(callerThatIs("denied").caller, ({ code }) => cuts.push(code));
    await live.judge();
    expect(cuts).toEqual(["internal_error", "client_certificate_revoked"]);
  });

  it("does not keep exchanges that are over alive by those that came after them", () => {
    const live = new LiveExchanges(new ManualClock());
    const { caller } = callerThatIs("allowed");
    const open: { end(): void }[] = [];
    const grown = oldGenerationGrowth(() => {
      const held = Array.from({ length: 200 });
      open.push(live.add(caller, () => void held.length));
      if (open.length > 8) open.shift()?.end();
    });
    expect(grown).toBeLessThan(500_000);
  });
});
