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
});
