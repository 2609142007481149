import { describe, expect, it } from "vitest";
import { withDevOption } from "../../../src/cli/dev-port-problem.ts";
import { listenProblem } from "../../../src/kernel/listen-problem.ts";

const failedWith = (code: string) => Object.assign(new Error("listen"), { code });

describe("withDevOption", () => {
  it.each([
    ["the gateway's port", "listen.port", "--port"],
    ["the admin port", "admin.port", "--admin-port"],
    ["the local Key Vault's port", "port", "--vault-port"],
    ["the local managed identity endpoint's port", "port", "--identity-port"],
    ["the local Azure OpenAI's port", "port", "--openai-port"],
  ])("names the option for %s", (what, setting, option) => {
    const busy = listenProblem(failedWith("EADDRINUSE"), what, "127.0.0.1", 443, setting);
    expect(withDevOption(busy)).toBe(`${what} 127.0.0.1:443 is in use already; choose another ${option}`);
    const forbidden = listenProblem(failedWith("EACCES"), what, "127.0.0.1", 443, setting);
    expect(withDevOption(forbidden)).toMatch(new RegExp(`choose a ${option} above 1023$`));
  });

  it("leaves any other sentence as it is", () => {
    expect(withDevOption("choose another port")).toBe("choose another port");
  });
});
