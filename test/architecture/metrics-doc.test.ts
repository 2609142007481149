import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { createFleetMetrics } from "../../src/telemetry/fleet-metrics.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const root = join(import.meta.dirname, "../..");

it("docs/metrics.md lists exactly the metrics that exist, with their types", async () => {
  const document = readFileSync(join(root, "docs/metrics.md"), "utf8");
  const documented = [...document.matchAll(/^\| `(certgate_\w+)` +\| (\w+) +\|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const one = createMetrics({ version: "0.0.0", clock: systemClock });
  // The supervisor's page: its workers' metrics and its own.
  const fleet = createFleetMetrics(() => ({ phases: {}, restarts: 0 }));
  const page = await fleet.render(new Map([[one, await one.snapshot()]]));
  const existing = [...page.matchAll(/^# TYPE (certgate_\w+) (\w+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(documented.toSorted()).toEqual(existing.toSorted());
  expect(existing.length).toBeGreaterThan(5);
});
