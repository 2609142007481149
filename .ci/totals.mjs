// Prints the runner's totals as one plain line. Fails when a test or a whole file failed, and when nothing ran.
import { existsSync, readFileSync } from "fs";

const path = process.argv[2];
if (path === undefined || !existsSync(path)) {
  console.log("the test runner left no report\n0 passed, 1 failed");
  process.exit(1);
}
const report = JSON.parse(readFileSync(path, "utf8"));
// A file that cannot even be loaded has no test to count, and is a failure all the same.
const broken = report.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
);
for (const file of broken) console.log(`could not be loaded: ${file.name}`);
const passed = report.numPassedTests;
const failed = report.numFailedTests + broken.length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 || !report.success ? 1 : 0;
