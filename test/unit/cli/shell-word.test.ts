import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { shellWord } from "../../../src/cli/shell-word.ts";

describe("shellWord", () => {
  it.each(["certs-dev/root-ca.pem", "../a_b/c.key", "user@host+1"])("leaves %s as it is", (text) => {
    expect(shellWord(text)).toBe(text);
  });

  it.each(["", "a b", "it's", "$HOME", "`id`", "a\nb", "~", "*", "a;b", '"', "\\", "ä", "!x"])(
    "makes of %j what a shell reads as that word",
    (text) => {
      const script = `for word in ${shellWord(text)}; do printf '%s|' "$word"; done`;
      expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(`${text}|`);
    },
  );
});
