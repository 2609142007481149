import { readFile, stat } from "node:fs/promises";
import type { Problem } from "./problem.ts";

/** Far above any configuration that a person keeps by hand. */
const largestBytes = 16 * 1024 * 1024;

export type ConfigText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: Problem };

/** The file's text, or why there is none. */
export async function readConfigFile(file: string): Promise<ConfigText> {
  const bad = (message: string, hint: string): ConfigText => ({
    ok: false,
    problem: { path: "", message: `${file}: ${message}`, hint },
  });
  try {
    const found = await stat(file);
    if (found.isDirectory()) return bad("is a directory", "Name the YAML file itself.");
    if (!found.isFile()) return bad("is not a regular file", "Name a YAML file.");
    if (found.size > largestBytes)
      return bad(
        `is larger than ${largestBytes / 1024 / 1024} MiB`,
        "Is this the configuration, and not a log or a backup?",
      );
    const bytes = await readFile(file);
    try {
      return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
    } catch {
      return bad("is not valid UTF-8", "Save it as UTF-8.");
    }
  } catch (error) {
    return bad(
      describeFileError(error),
      "Check the path and the permissions of the account that runs certgate.",
    );
  }
}

/** A file system error as the end of a sentence that starts with the path. */
export function describeFileError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
      return "does not exist";
    case "EACCES":
    case "EPERM":
      return "may not be read (permission denied)";
    case "ENOTDIR":
      return "does not exist (a part of the path is not a directory)";
    case "ELOOP":
      return "is a symbolic link that leads back to itself";
    default:
      return `cannot be read (${code || "unknown error"})`;
  }
}
