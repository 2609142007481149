import { createHash } from "node:crypto";

import type { Clock } from "../kernel/clock.ts";
import { PkiFolder } from "./dev-pki/folder.ts";
import { type DevPkiItem, Maker } from "./dev-pki/maker.ts";
import { clientPlan, type DevClient, devClients, serverPlan } from "./dev-pki/plan.ts";

export type { DevPkiItem } from "./dev-pki/maker.ts";
export { type DevClient, devClients } from "./dev-pki/plan.ts";

export interface DevPkiClient {
  /** PEM: leaf, then intermediate (the self-signed one has none). */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256, 64 lower-case hexadecimal digits. It changes when the certificate is renewed. */
  readonly thumbprint: string;
}

/** The dev PKI on disk; every path is below `directory`. */
export interface DevPki {
  readonly directory: string;
  readonly rootCaFile: string;
  readonly rootCaPem: string;
  readonly intermediateCaFile: string;
  readonly intermediateCaPem: string;
  readonly serverFile: string;
  readonly serverKeyFile: string;
  /** The server's chain and key: PEM. */
  readonly server: { readonly chainPem: string; readonly keyPem: string };
  /** The root's CRL, then the intermediate's. */
  readonly crlFiles: readonly string[];
  readonly clients: Readonly<Record<DevClient, DevPkiClient>>;
  /** One entry an item, in the order of making. */
  readonly report: readonly DevPkiItem[];
}

/**
 * Makes the development PKI in a directory, or brings the one that is there up to date: what is good is reused, what
 * is about to expire is renewed, what is damaged or hangs on a CA that is gone is made anew.
 * @throws Error when a file can be neither read nor written.
 */
export async function ensureDevPki(directory: string, clock: Clock): Promise<DevPki> {
  const folder = new PkiFolder(directory);
  const maker = new Maker(folder, clock.now());
  const root = await maker.authority("root-ca", "Certgate Dev Root CA");
  const intermediate = await maker.authority("intermediate-ca", "Certgate Dev Intermediate CA", root);
  const server = await maker.leaf(serverPlan, intermediate);
  const clients = {} as Record<DevClient, DevPkiClient>;
  const revoked = [];
  for (const client of devClients) {
    const plan = clientPlan(client);
    const { chain } = await maker.leaf(plan, intermediate);
    clients[client] = {
      certificateFile: folder.path(`${plan.name}.pem`),
      keyFile: folder.path(`${plan.name}.key`),
      thumbprint: createHash("sha256").update(chain[0].raw).digest("hex"),
    };
    if (client === "revoked") revoked.push(chain[0]);
  }
  await maker.crl("crl/root-ca", root, []);
  await maker.crl("crl/intermediate-ca", intermediate, revoked);
  return {
    directory,
    rootCaFile: folder.path("root-ca.pem"),
    rootCaPem: root.pem,
    intermediateCaFile: folder.path("intermediate-ca.pem"),
    intermediateCaPem: intermediate.pem,
    serverFile: folder.path("server.pem"),
    serverKeyFile: folder.path("server.key"),
    server: { chainPem: server.chainPem, keyPem: server.keyPem },
    crlFiles: [folder.path("crl/root-ca.pem"), folder.path("crl/intermediate-ca.pem")],
    clients,
    report: maker.report,
  };
}
