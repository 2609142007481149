import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backendTlsOf } from "../../../src/compose/backend-tls-of.ts";
import { backends } from "../../../src/config/backend-schema.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { createTestPki } from "../../support/test-pki.ts";

describe("backendTlsOf", () => {
  it("makes one TLS context for backends with the same CA, and another for another CA", async () => {
    const folder = await tempDir();
    const [pki, another] = [await createTestPki("One"), await createTestPki("Other")];
    const [one, same, other] = ["one.pem", "same.pem", "other.pem"].map((name) => join(folder, name));
    await writeFile(one ?? "", pki.root.pem);
    await writeFile(same ?? "", pki.root.pem);
    await writeFile(other ?? "", another.root.pem);
    const made = new Map();
    const contextOf = async (caFile: string | undefined) => {
      const { backend } = backends.parse({
        backend: { endpoint: "https://backend.example", credential: "none", caFile },
      });
      if (backend === undefined) throw new Error("the schema lost the backend");
      return (await backendTlsOf(backend, made)).secureContext;
    };
    const [first, second, third, without] = [
      await contextOf(one),
      await contextOf(same),
      await contextOf(other),
      await contextOf(undefined),
    ];
    expect(second).toBe(first);
    expect(new Set([first, third, without]).size).toBe(3);
  });
});
