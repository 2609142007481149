import { describe, expect, it } from "vitest";
import { listenProblem } from "../../../src/kernel/listen-problem.ts";

describe("listenProblem", () => {
  it.each([
    ["EADDRINUSE", "the port 127.0.0.1:80 is in use already; choose another listen.port"],
    ["EACCES", "the port 127.0.0.1:80 may not be opened by this user; choose a listen.port above 1023"],
    [
      "EADDRNOTAVAIL",
      "the port 127.0.0.1:80 is no address of this machine; see listen.port and the host beside it",
    ],
    ["EOTHER", "the port 127.0.0.1:80 cannot be opened"],
  ])("turns %s into a sentence with its mend", (code, sentence) => {
    const cause = Object.assign(new Error("listen"), { code });
    expect(listenProblem(cause, "the port", "127.0.0.1", 80, "listen.port")).toBe(sentence);
  });
});
