import { describe, expect, it } from "vitest";
import { scopeOf } from "../../../src/compose/credentials.ts";
import { credential, type TokenCredentialConfig } from "../../../src/config/credential-schema.ts";

const scopeWith = (options: object) =>
  scopeOf(credential.parse({ type: "managed-identity", ...options }) as TokenCredentialConfig);

describe("what tokens for backends are asked for", () => {
  it.each([
    [{}, "https://cognitiveservices.azure.com/.default"],
    [{ cloud: "public" }, "https://cognitiveservices.azure.com/.default"],
    [{ cloud: "us-government" }, "https://cognitiveservices.azure.us/.default"],
    [{ cloud: "china" }, "https://cognitiveservices.azure.cn/.default"],
    [{ audience: "https://ai.azure.com" }, "https://ai.azure.com/.default"],
    [{ audience: "https://ai.azure.com/" }, "https://ai.azure.com//.default"],
    [{ cloud: "china", audience: "https://ai.azure.cn" }, "https://ai.azure.cn/.default"],
    [{ scope: "api://gateway/.default" }, "api://gateway/.default"],
  ])("with %j is %s", (options, scope) => {
    expect(scopeWith(options)).toBe(scope);
  });
});
