import { duplexPair } from "node:stream";
import { connect, createSecureContext, type SecureVersion, TLSSocket } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { thumbprintOf } from "../../../src/gateway/caller.ts";
import { sessionThumbprint } from "../../../src/listener/session-thumbprint.ts";
import { testPki, type TestPki } from "../../support/test-pki.ts";
import { chainOf } from "../../support/trust-facts.ts";

let pki: TestPki;
beforeAll(async () => {
  pki = await testPki();
});

/** What a server sees after a real handshake, in memory. */
async function afterHandshake<T>(
  version: SecureVersion,
  client: { key?: string; cert?: string },
  look: (socket: TLSSocket) => T,
): Promise<T> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(near, {
    isServer: true,
    requestCert: true,
    rejectUnauthorized: false,
    secureContext: createSecureContext({
      key: pki.server.keyPem,
      cert: pki.server.chainPem,
      maxVersion: version,
    }),
  });
  const other = connect({ socket: far, rejectUnauthorized: false, ...client });
  try {
    return await new Promise<T>((resolve, reject) => {
      server.once("secure", () => resolve(look(server)));
      server.once("error", reject);
      other.once("error", reject);
    });
  } finally {
    other.destroy();
    server.destroy();
  }
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("after a handshake of %s", (version) => {
  it("the thumbprint is that of the certificate that the client presented", async () => {
    const client = { key: pki.client.keyPem, cert: pki.client.chainPem };
    const [seen, raw] = await afterHandshake(version, client, (socket) => [
      sessionThumbprint(socket),
      socket.getPeerX509Certificate()?.raw,
    ]);
    const { leaf } = chainOf(pki.client);
    expect(raw).toEqual(Buffer.from(leaf));
    expect(seen).toBe(thumbprintOf(leaf));
  });

  it("there is none where the client presented no certificate", async () => {
    expect(await afterHandshake(version, {}, sessionThumbprint)).toBeUndefined();
  });
});

describe("a session that is not as expected", () => {
  it.each([
    ["nothing", undefined],
    ["no DER", Buffer.from("not a session")],
    ["another structure", Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01])],
    ["an empty certificate field", Buffer.from([0x30, 0x02, 0xa3, 0x00])],
  ])("has no thumbprint: %s", (_, session) => {
    expect(sessionThumbprint({ getSession: () => session } as unknown as TLSSocket)).toBeUndefined();
  });

  it("does not stay in memory: the session's secret stands in it", () => {
    const session = Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01]);
    sessionThumbprint({ getSession: () => session } as unknown as TLSSocket);
    expect(session.every((byte) => byte === 0)).toBe(true);
  });
});
