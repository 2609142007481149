import { existsSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { formatProblems, type Problem } from "../config/problem.ts";
import { type ClientRecord, readClients } from "../config/read-clients.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import type { ClientOptions } from "../model/client-options.ts";
import { readThumbprint } from "../model/thumbprint.ts";
import type { RegistryStore } from "../registry/ports.ts";
import { rotateThumbprints } from "../registry/rotate.ts";
import { openRegistryStore } from "../compose/registry-store.ts";
import { readCsv, readJson } from "./client-import-file.ts";
import { clientFromWords, clientOptions, durationFrom, thumbprintsFromWords } from "./client-words.ts";
import { changeConfigFile, clientsOfConfigFile, Refusal } from "./client-yaml.ts";
import { exitCodes, UsageError } from "./command.ts";
import { readWords, required } from "./read-words.ts";

export async function addClient(words: readonly string[]): Promise<number> {
  const values = readWords(words, ["registry", "config", "name", ...clientOptions]);
  const place = placeOf(values);
  const name = required(values, "name");
  const value = await clientFromWords(values);
  return attempt(async () => {
    if ("config" in place)
      await changeConfigFile(place.config, (editor) => {
        if (editor.has(name)) throw new Refusal(`client ${name} is there already`);
        editor.add(name, value);
      });
    else withRegistry(place.registry, "write or create", (store) => storeAll(store, [{ name, value }]));
    return `client ${name} added`;
  });
}

export async function rotateClient(words: readonly string[]): Promise<number> {
  const values = readWords(words, ["registry", "config", "name", "thumbprint", "cert", "overlap"]);
  const place = placeOf(values);
  const name = required(values, "name");
  const [written, ...others] = await thumbprintsFromWords(values);
  if (written === undefined || others.length > 0)
    throw new UsageError("name the one new certificate, by --thumbprint or --cert.");
  const overlap = durationFrom(values.overlap ?? "14d", "overlap");
  const now = systemClock.now();
  const rotate = (old: NonNullable<ClientOptions["thumbprints"]>) => {
    const reading = readThumbprint(written);
    if (!reading.ok) throw new Refusal(`the new thumbprint: ${reading.reason}`);
    const { algorithm, hex } = reading.thumbprint;
    if (algorithm === "sha1") throw new Refusal("the new thumbprint is SHA-1: use SHA-256");
    const there = old.map((one) => readThumbprint(typeof one === "string" ? one : one.thumbprint));
    if (there.some((one) => one.ok && one.thumbprint.hex === hex))
      throw new Refusal(`client ${name} has this certificate already`);
    return rotateThumbprints(old, hex, now + overlap, now);
  };
  return attempt(async () => {
    if ("config" in place)
      await changeConfigFile(place.config, (editor) => {
        if (!editor.has(name)) throw new Refusal(`there is no client ${name}`);
        editor.setThumbprints(name, rotate(editor.thumbprints(name)));
      });
    else
      withRegistry(place.registry, "write", (store) =>
        store.change((change) => {
          const old = store.find(name);
          if (old === undefined) throw new Refusal(`there is no client ${name}`);
          change.put({ ...old, thumbprints: rotate(old.thumbprints ?? []) });
        }),
      );
    return overlap === 0
      ? `client ${name} rotated: the old certificate is not valid any more`
      : `client ${name} rotated: the old certificate is valid until ${new Date(now + overlap).toISOString()}`;
  });
}

export async function listClients(words: readonly string[]): Promise<number> {
  const values = readWords(words, ["registry", "config", "format"]);
  const place = placeOf(values);
  const format = values.format ?? "text";
  if (format !== "text" && format !== "json") throw new UsageError("--format is text or json.");
  const print = (clients: Iterable<ClientOptions>) => {
    for (const client of clients)
      process.stdout.write(`${format === "json" ? JSON.stringify(client) : lineOf(client)}\n`);
  };
  return attempt(async () => {
    if ("config" in place) print(await clientsOfConfigFile(place.config));
    else withRegistry(place.registry, "write", (store) => print(store.clients("all")));
    return undefined;
  });
}

export async function removeClient(words: readonly string[]): Promise<number> {
  const values = readWords(words, ["registry", "config", "name"]);
  const place = placeOf(values);
  const name = required(values, "name");
  return attempt(async () => {
    const gone = (removed: boolean) => {
      if (!removed) throw new Refusal(`there is no client ${name}`);
    };
    if ("config" in place) await changeConfigFile(place.config, (editor) => gone(editor.remove(name)));
    else
      withRegistry(place.registry, "write", (store) => store.change((change) => gone(change.remove(name))));
    return `client ${name} removed`;
  });
}

export async function importClients(words: readonly string[]): Promise<number> {
  const values = readWords(words, ["registry", "file"]);
  const registry = required(values, "registry");
  const file = required(values, "file");
  const read = { ".csv": readCsv, ".json": readJson, ".jsonl": readJson }[extname(file).toLowerCase()];
  if (read === undefined) throw new UsageError("--file must end with .csv, .json or .jsonl.");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (fault) {
    throw new UsageError(`--file ${file}: ${(fault as Error).message}.`);
  }
  return attempt(async () => {
    const { records, problems } = read(text);
    withRegistry(registry, "write or create", (store) => storeAll(store, records, problems));
    return `${records.length} client${records.length === 1 ? "" : "s"} imported`;
  });
}

/** Stores clients when nothing at all is wrong with them. @throws Refusal with every problem */
function storeAll(
  store: RegistryStore,
  records: readonly ClientRecord[],
  known: readonly Problem[] = [],
): void {
  store.change((change) => {
    const { clients, problems } = readClients(records, {
      find: (name) => store.find(name),
      ownerOf: (hex) => store.ownerOf(hex),
      withRules: () => store.clients("with rules"),
    });
    const all = [...known, ...problems].toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    if (all.length > 0)
      throw new Refusal(
        `${formatProblems(all)}\n${all.length} problem${all.length === 1 ? "" : "s"}, nothing was written`,
      );
    for (const client of clients) change.put(client);
  });
}

function withRegistry(
  file: string,
  mode: "write" | "write or create",
  run: (store: RegistryStore) => void,
): void {
  const known = existsSync(file);
  const store = openRegistryStore(file, mode);
  let done = false;
  try {
    run(store);
    done = true;
  } finally {
    store.close();
    // Nothing written means no empty registry either.
    if (!known && !done) rmSync(file, { force: true });
  }
}

async function attempt(run: () => Promise<string | undefined>): Promise<number> {
  try {
    const done = await run();
    if (done !== undefined) process.stdout.write(`${done}\n`);
    return exitCodes.ok;
  } catch (fault) {
    process.stderr.write(`${describeFault(fault)}\n`);
    return exitCodes.failed;
  }
}

function placeOf(values: {
  readonly registry?: string;
  readonly config?: string;
}): { readonly registry: string } | { readonly config: string } {
  const { registry, config } = values;
  if (registry !== undefined && config === undefined) return { registry };
  if (config !== undefined && registry === undefined) return { config };
  throw new UsageError("say where: one of --registry and --config.");
}

function lineOf({
  name,
  thumbprints = [],
  match = [],
  deployments = [],
  roles = [],
  routes = [],
}: ClientOptions) {
  const certificates = thumbprints.map((one) =>
    typeof one === "string" ? one : `${one.thumbprint} (until ${one.until})`,
  );
  const rules = match.map((rule) => JSON.stringify(rule));
  const rights = [
    ...deployments,
    ...roles.map((role) => `role ${role}`),
    ...routes.map((route) => `route ${route}`),
  ];
  return [name, [...certificates, ...rules].join(" "), rights.join(" ")].join("\t");
}
