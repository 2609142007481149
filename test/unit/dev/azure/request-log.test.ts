import { describe, expect, it } from "vitest";

import { RequestLog } from "../../../../src/dev/azure/request-log.ts";

describe("RequestLog", () => {
  it("counts everything and keeps the last thousand", () => {
    const log = new RequestLog<number>();
    for (let entry = 0; entry < 1500; entry += 1) log.add(entry);
    expect(log.count).toBe(1500);
    expect(log.all).toHaveLength(1000);
    expect([log.all[0], log.last]).toEqual([500, 1499]);
  });

  it("hands each new matching entry to everybody who waits, and no old one", async () => {
    const log = new RequestLog<number>();
    log.add(2);
    const waiting = [log.next(), log.next((entry) => entry % 2 === 0)];
    for (const entry of [3, 4, 6]) log.add(entry);
    expect(await Promise.all(waiting)).toEqual([3, 4]);
  });
});
