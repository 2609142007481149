import { getHeapStatistics } from "node:v8";
import { describe, expect, it, vi } from "vitest";
import { YoungBuffers } from "../../../src/kernel/young-buffers.ts";

const outside = () => getHeapStatistics().external_memory;
const megabyte = 1024 * 1024;

/** Buffers that nobody holds any more. */
function passBy(bytes: number): void {
  for (let passed = 0; passed < bytes; passed += 16_384) Buffer.allocUnsafeSlow(16_384);
}

describe("YoungBuffers", () => {
  it("has buffers collected that have passed, as soon as there are some megabytes of them", async () => {
    const young = new YoungBuffers(() => 0);
    young.look();
    const before = outside();
    passBy(20 * megabyte);
    expect(outside() - before).toBeGreaterThan(18 * megabyte);
    young.look();
    // They are freed by another thread.
    await vi.waitFor(() => expect(outside() - before).toBeLessThan(megabyte));
  });

  it("leaves less than that to the engine", () => {
    const young = new YoungBuffers(() => 0);
    young.look();
    const before = outside();
    passBy(12 * megabyte);
    young.look();
    expect(outside() - before).toBeGreaterThan(10 * megabyte);
  });

  it("takes what is held for no reason to collect", () => {
    let held = 0;
    const young = new YoungBuffers(() => held);
    young.look();
    const before = outside();
    held = 20 * megabyte;
    passBy(held);
    young.look();
    expect(outside() - before).toBeGreaterThan(18 * megabyte);
  });

  it("looks a hundred times a second while bodies pass, and seldom while none do", () => {
    vi.useFakeTimers();
    let looks = 0;
    const young = new YoungBuffers(() => {
      looks += 1;
      return 0;
    });
    young.start();
    try {
      vi.advanceTimersByTime(1000);
      const idle = looks;
      expect(idle).toBeLessThan(15);
      for (let ms = 0; ms < 1000; ms += 10) {
        passBy(megabyte / 8);
        vi.advanceTimersByTime(10);
      }
      expect(looks - idle).toBeGreaterThan(80);
    } finally {
      young.stop();
      vi.useRealTimers();
    }
  });
});
