import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { portOf, readWords, required } from "../../../src/cli/read-words.ts";

const read = (...words: string[]) => readWords(words, ["config", "port"]);

describe("readWords", () => {
  it("reads values after a space and after an equals sign", () => {
    expect(read("--config", "a b", "--port=1")).toEqual({ config: "a b", port: "1" });
  });

  it("gives nothing for options that were not given", () => {
    expect(read()).toEqual({});
  });

  it.each([
    [["--confg", "a"], "Unknown option '--confg'."],
    [["--config"], "Option '--config <value>' argument missing."],
    [["--config", "--port"], "Option '--config' argument is ambiguous."],
    [["--config", "a", "--config=a"], "--config stands twice."],
    [["a.yaml"], "Unexpected argument 'a.yaml'."],
    [["--", "a.yaml"], "Unexpected argument 'a.yaml'."],
    [["-c", "a"], "Unknown option '-c'."],
    [["--no-config"], "Unknown option '--no-config'."],
    [["--__proto__=x"], "Unknown option '--__proto__'."],
  ])("refuses %j in one sentence", (words, sentence) => {
    const reading = () => read(...words);
    expect(reading).toThrow(UsageError);
    expect(reading).toThrow(new RegExp(`^${RegExp.escape(sentence)}$`));
  });
});

describe("required", () => {
  it("gives the value", () => {
    expect(required(read("--config", "a"), "config")).toBe("a");
  });

  it.each([[[]], [["--config="]]])("refuses %j: an empty value is none", (words) => {
    expect(() => required(read(...words), "config")).toThrow("--config is missing.");
  });
});

describe("portOf", () => {
  it.each([
    ["0", 0],
    ["8443", 8443],
    ["65535", 65_535],
  ])("reads %s", (text, port) => {
    expect(portOf({ port: text }, "port", 1)).toBe(port);
  });

  it("falls back where none was given", () => {
    expect(portOf({}, "port", 8443)).toBe(8443);
  });

  it.each(["65536", "-1", "1e3", "0x50", "", " 1", "８４４３"])("refuses %j", (text) => {
    expect(() => portOf({ port: text }, "port", 1)).toThrow(UsageError);
  });
});
