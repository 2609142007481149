import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The directory of a dev PKI: reads what is there, writes whole files or nothing. */
export class PkiFolder {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** The file's text; undefined when there is no such file. */
  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(this.path(name), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw new Error(`the dev PKI's file ${this.path(name)} cannot be read`, { cause: error });
    }
  }

  /** Replaces a file in one step, so that a gateway reading it, or a crash here, never meets half of it. */
  async write(name: string, text: string, secrecy: "public" | "secret"): Promise<void> {
    const target = this.path(name);
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(target), { recursive: true });
      await rm(temporary, { force: true });
      await writeFile(temporary, text, { mode: secrecy === "secret" ? 0o600 : 0o644, flag: "wx" });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw new Error(`the dev PKI's file ${target} cannot be written`, { cause: error });
    }
  }

  /** Takes a key away from group and others, should somebody have copied the folder about. */
  async keepSecret(name: string): Promise<void> {
    const { mode } = await stat(this.path(name));
    if ((mode & 0o077) !== 0) await chmod(this.path(name), 0o600);
  }
}
