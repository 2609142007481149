import { open } from "node:fs/promises";
import { GatewayError } from "../../kernel/errors.ts";
import type { SecretSource } from "../secret-source.ts";

/** Far above any key or token; a larger file is another file. */
const largestBytes = 64 * 1024;

/** A secret that is all of a file, without the white space around it. */
export function fileSecret(path: string): SecretSource {
  const name = `file ${path}`;
  const unusable = (why: string, cause?: unknown) =>
    new GatewayError("credential_unavailable", `${name} ${why}`, { cause });
  return {
    name,
    async read(signal) {
      let text: string;
      try {
        await using file = await open(path, "r");
        const { size } = await file.stat();
        if (size > largestBytes) throw new Error(`it has ${size} bytes; the limit is ${largestBytes}`);
        text = await file.readFile({ encoding: "utf8", signal });
      } catch (fault) {
        throw unusable("cannot be read; check the path and the permissions", fault);
      }
      const value = text.trim();
      if (value === "") throw unusable("is empty");
      return value;
    },
  };
}
