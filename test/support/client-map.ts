import type { ClientOptions } from "../../src/model/client-options.ts";
import { createRightsCompiler, type KnownNames } from "../../src/policy/client-entry.ts";
import { type ClientMap, clientMapOver, compileClientIndex } from "../../src/policy/client-map.ts";

/** A map over one list of clients. @throws as `compileClientIndex` */
export const clientMapOf = (clients: Iterable<ClientOptions>, known: KnownNames): ClientMap =>
  clientMapOver([compileClientIndex(clients, { allowSha1: false, rights: createRightsCompiler(known) })]);
