import type { Principal } from "../model/principal.ts";
import { sha256Thumbprint } from "../pki/certificate.ts";
import type { VerifiedPath } from "../pki/verified-path.ts";

/**
 * Who is calling: a verified path, and the client entry that its leaf was matched to.
 * @param client the entry's name
 */
export function principalOf(path: VerifiedPath, client: string): Principal {
  const { leaf } = path;
  return {
    client,
    via: "client-certificate",
    thumbprint: sha256Thumbprint(leaf),
    subject: leaf.subject.text,
    serial: Buffer.from(leaf.serial).toString("hex"),
  };
}
