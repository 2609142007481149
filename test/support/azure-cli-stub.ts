import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A program called `az` first on the PATH, that says what a test wrote down. */
export interface AzureCliStub {
  /** The words of each call. */
  calls(): readonly string[];
  answer(of: { readonly stdout?: string; readonly stderr?: string; readonly code?: number }): Promise<void>;
  /** Takes it off the PATH. */
  remove(): Promise<void>;
}

export async function installAzureCliStub(): Promise<AzureCliStub> {
  const folder = await mkdtemp(join(tmpdir(), "certgate-az-"));
  const file = (name: string) => join(folder, name);
  await mkdir(file("bin"));
  const script = `#!/bin/sh
echo "$*" >> '${file("calls")}'
cat '${file("stderr")}' >&2
cat '${file("stdout")}'
exit "$(cat '${file("code")}')"
`;
  await writeFile(file("bin/az"), script, { mode: 0o755 });
  const before = process.env["PATH"] ?? "";
  process.env["PATH"] = `${file("bin")}${delimiter}${before}`;
  const stub: AzureCliStub = {
    calls: () => (existsSync(file("calls")) ? readFileSync(file("calls"), "utf8").trimEnd().split("\n") : []),
    async answer({ stdout = "", stderr = "", code = 0 }) {
      await writeFile(file("stdout"), stdout);
      await writeFile(file("stderr"), stderr);
      await writeFile(file("code"), String(code));
    },
    async remove() {
      process.env["PATH"] = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
  await stub.answer({});
  return stub;
}
