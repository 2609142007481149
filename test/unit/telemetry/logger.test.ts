import { execFileSync, spawnSync } from "node:child_process";
import fs, { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { QuickFields } from "../../../src/kernel/redact.ts";
import { createLogger, type ProcessLog } from "../../../src/telemetry/logger.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** A logger that writes to a file, and what it wrote so far. */
async function logToFile(level: "debug" | "info" | "warn" | "error") {
  const path = join(await tempDir(), "log");
  const fd = openSync(path, "w");
  onTestFinished(() => closeSync(fd));
  const log = createLogger({ level, fd });
  const lines = async () => {
    await log.flush();
    const text = readFileSync(path, "utf8");
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { log, lines };
}

/** What a worker's logger hands to the operating system, write by write, where others may write too. */
async function sharedWrites(lines: readonly string[]): Promise<Buffer[]> {
  const fd = openSync(devNull, "w");
  onTestFinished(() => closeSync(fd));
  const write = vi.spyOn(fs, "write");
  onTestFinished(() => write.mockRestore());
  const log = createLogger({ level: "info", fd, worker: 1 });
  for (const line of lines) log.info({ line }, "line");
  // The null device takes lines, but not every system syncs it.
  await log.flush().catch(() => undefined);
  return write.mock.calls.filter(([to]) => to === fd).map(([, text]) => Buffer.from(text as never));
}

const writeEach = (log: ProcessLog) => {
  for (const level of ["debug", "info", "warn", "error"] as const) log[level]({}, level);
};

describe("createLogger", () => {
  it("writes one JSON line with level, ISO time, fields and message, and nothing else", async () => {
    const { log, lines } = await logToFile("info");
    log.info({ requestId: "r-1", status: 200 }, "request");
    const [line] = await lines();
    expect(line).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: "r-1",
      status: 200,
      msg: "request",
    });
  });

  it("keeps to its level, and to a changed one from then on", async () => {
    const { log, lines } = await logToFile("warn");
    writeEach(log);
    log.setLevel("debug");
    writeEach(log);
    expect((await lines()).map((line) => line["msg"])).toEqual([
      "warn",
      "error",
      "debug",
      "info",
      "warn",
      "error",
    ]);
  });

  it("asks nothing of fields whose line nobody will read", async () => {
    const { log, lines } = await logToFile("warn");
    const asked = (): never => {
      throw new Error("asked");
    };
    class Fields extends QuickFields {
      readonly fields = asked;
      readonly plainJson = asked;
    }
    log.info(new Fields(), "request");
    expect(await lines()).toEqual([]);
    expect(() => log.warn(new Fields(), "request")).toThrow("asked");
  });

  it("hides secrets in fields, in errors and in the message", async () => {
    const { log, lines } = await logToFile("info");
    const err = Object.assign(new Error("sent Bearer abcdefgh12345678"), {
      request: { authorization: "hidden-value" },
    });
    log.error({ err, headers: { "api-key": "hidden-value" } }, "failed with Bearer abcdefgh12345678");
    const text = JSON.stringify(await lines());
    expect(text).not.toContain("hidden-value");
    expect(text).not.toContain("abcdefgh12345678");
    expect(text).toContain("sent Bearer [redacted]");
  });

  it("cannot be made to write a second line by what a caller sends", async () => {
    const { log, lines } = await logToFile("info");
    log.info({ path: '/a\n{"level":"info","msg":"forged"}\n' }, "request");
    expect(await lines()).toHaveLength(1);
  });

  it("flushes to a pipe, which cannot be synced", () => {
    const module = join(import.meta.dirname, "../../../src/telemetry/logger.ts");
    const script = `
      import { createLogger } from ${JSON.stringify(module)};
      const log = createLogger({ level: "info" });
      log.info({}, "one");
      await log.flush();
      await log.flush();
      process.stderr.write("flushed");
      process.kill(process.pid, "SIGKILL");`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
    });
    expect(stderr).toBe("flushed");
    expect(stdout).toContain('"msg":"one"');
  });

  it.each([
    ["ASCII", "x"],
    ["two bytes a character", "\u00e9"],
    ["three bytes a character", "\u6f22"],
    ["four bytes a character", "\u{1f600}"],
    ["a mixture", "xx\u00e9x\u6f22\u{1f600}"],
  ])(
    "gathers whole lines to what a pipe does not mix with another worker's, in bytes: %s",
    async (_name, piece) => {
      const sent = Array.from({ length: 200 }, (_, n) => `${n} ${piece.repeat(n)}`);
      const writes = await sharedWrites(sent);
      const texts = writes.map((bytes) => bytes.toString());
      expect(Math.max(...writes.map((bytes) => bytes.length))).toBeLessThanOrEqual(4096);
      expect(texts.every((text) => text.endsWith("\n"))).toBe(true);
      const lines = texts.join("").split("\n").filter(Boolean);
      expect(lines.map((line) => (JSON.parse(line) as { line: string }).line)).toEqual(sent);
      // Not a write for each line, and none that the next line would still have fitted into.
      for (const [n, bytes] of writes.slice(0, -1).entries()) {
        const next = `${texts[n + 1]!.split("\n", 1)[0]}\n`;
        expect(bytes.length + Buffer.byteLength(next)).toBeGreaterThan(4096);
      }
    },
  );

  it("outlives a log that cannot be written", () => {
    const module = join(import.meta.dirname, "../../../src/telemetry/logger.ts");
    // A descriptor that is open for reading only: every write to it fails.
    const script = `
      import { openSync } from "node:fs";
      import { createLogger } from ${JSON.stringify(module)};
      const log = createLogger({ level: "info", fd: openSync(process.execPath, "r") });
      log.info({}, "one");
      await log.flush().then(() => console.log("flushed"), () => console.log("still here"));
      process.kill(process.pid, "SIGKILL");`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
    });
    expect(stdout).toBe("still here\n");
    expect(stderr).toContain("the log cannot be written");
  });

  it("loses no line when the process ends, by itself or by process.exit", () => {
    const module = join(import.meta.dirname, "../../../src/telemetry/logger.ts");
    for (const end of ["", "process.exit(0);"]) {
      const script = `
        import { createLogger } from ${JSON.stringify(module)};
        const log = createLogger({ level: "info" });
        for (let n = 0; n < 5000; n += 1) log.info({ n, filler: "x".repeat(200) }, "line");
        ${end}`;
      const args = ["--input-type=module", "--eval", script];
      const text = execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 24 });
      const numbers = text
        .split("\n")
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { n: number }).n);
      expect(numbers).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    }
  });
});
