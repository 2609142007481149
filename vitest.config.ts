import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Hundreds of processes are started, by the runner and by the tests: each would compile the same sources again.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules/.cache/compiled");

const suite = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});

export default defineConfig({
  test: {
    // Only with `npm run coverage`: it costs time, and a line that was run is not a line that was tested.
    coverage: { include: ["src/**/*.ts"], reporter: ["text-summary", "html"] },
    // Tests wait more than they compute: with one worker for each core but one, half of the machine is idle.
    maxWorkers: "100%",
    projects: [
      suite("unit"),
      suite("contract"),
      suite("conformance", { testTimeout: 120_000 }),
      suite("fuzz", { testTimeout: 300_000 }),
      suite("architecture", { testTimeout: 60_000 }),
      suite("e2e", {
        testTimeout: 30_000,
        hookTimeout: 60_000,
        globalSetup: "test/support/operations-table.ts",
      }),
    ],
  },
});
