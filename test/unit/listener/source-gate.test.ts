import { beforeEach, describe, expect, it } from "vitest";
import { type Admission, SourceGate } from "../../../src/listener/source-gate.ts";

let now: number;
let limits: { connections: number; connectionsPerSource: number; handshakesPerSecondPerSource: number };
let gate: SourceGate;
beforeEach(() => {
  now = 0;
  limits = { connections: 1000, connectionsPerSource: 1000, handshakesPerSecondPerSource: 1000 };
  gate = new SourceGate(
    () => limits,
    () => now,
  );
});

const outcome = (admission: Admission): string => (admission.admitted ? "admitted" : admission.reason);
const admit = (address: string | undefined) => outcome(gate.admit(address));
const leave = (admission: Admission) => void (admission.admitted && admission.leave());

describe("a source of connections", () => {
  it("may have so many open, and another one may all the same", () => {
    limits.connectionsPerSource = 2;
    const first = gate.admit("192.0.2.1");
    expect(admit("192.0.2.1")).toBe("admitted");
    expect(admit("192.0.2.1")).toBe("connections_per_source");
    expect(admit("192.0.2.2")).toBe("admitted");
    leave(first);
    leave(first);
    expect(admit("192.0.2.1")).toBe("admitted");
    expect(admit("192.0.2.1")).toBe("connections_per_source");
  });

  it.each([
    ["192.0.2.1", "::ffff:192.0.2.1", "connections_per_source"],
    ["192.0.2.1", "192.0.2.2", "admitted"],
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "connections_per_source"],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", "admitted"],
    ["fe80::1%eth0", "fe80::2%eth1", "connections_per_source"],
    [undefined, undefined, "connections_per_source"],
  ])("%s and %s", (one, other, expected) => {
    limits.connectionsPerSource = 1;
    expect(admit(one)).toBe("admitted");
    expect(admit(other)).toBe(expected);
  });

  it("saves up five seconds' worth of handshakes, and gains more with time", () => {
    limits.handshakesPerSecondPerSource = 2;
    for (let count = 0; count < 10; count += 1) leave(gate.admit("192.0.2.1"));
    expect(admit("192.0.2.1")).toBe("handshakes_per_source");
    expect(admit("192.0.2.2")).toBe("admitted");
    now += 499;
    expect(admit("192.0.2.1")).toBe("handshakes_per_source");
    now += 1;
    expect(admit("192.0.2.1")).toBe("admitted");
    expect(admit("192.0.2.1")).toBe("handshakes_per_source");
    now += 3_600_000;
    for (let count = 0; count < 10; count += 1) expect(admit("192.0.2.1")).toBe("admitted");
    expect(admit("192.0.2.1")).toBe("handshakes_per_source");
  });

  it("may make one connection in some seconds where the rate is below one", () => {
    limits.handshakesPerSecondPerSource = 0.1;
    expect(admit("192.0.2.1")).toBe("admitted");
    expect(admit("192.0.2.1")).toBe("handshakes_per_source");
    now += 10_000;
    expect(admit("192.0.2.1")).toBe("admitted");
  });

  it("is bound by limits that change at once", () => {
    expect(admit("192.0.2.1")).toBe("admitted");
    limits.connectionsPerSource = 1;
    expect(admit("192.0.2.1")).toBe("connections_per_source");
    limits.connectionsPerSource = 2;
    expect(admit("192.0.2.1")).toBe("admitted");
  });
});

describe("all sources together", () => {
  it("may have so many connections open", () => {
    limits.connections = 2;
    const first = gate.admit("192.0.2.1");
    expect(admit("192.0.2.2")).toBe("admitted");
    expect(admit("192.0.2.3")).toBe("connections");
    leave(first);
    expect(admit("192.0.2.3")).toBe("admitted");
  });

  it("are remembered within bounds, and those with an open connection as long as it is open", () => {
    limits.connectionsPerSource = 1;
    expect(admit("192.0.2.1")).toBe("admitted");
    for (let number = 0; number < 20_000; number += 1)
      leave(gate.admit(`10.0.${number >> 8}.${number & 255}`));
    expect(gate.size).toBeLessThanOrEqual(10_001);
    expect(admit("192.0.2.1")).toBe("connections_per_source");
  });
});
