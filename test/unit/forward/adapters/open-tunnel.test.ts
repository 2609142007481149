import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { authorityOf, openTunnel } from "../../../../src/forward/adapters/open-tunnel.ts";
import { TookTooLong } from "../../../../src/forward/adapters/to-backend-fault.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A proxy that answers every CONNECT with these bytes, or never. @returns its port, and what it was sent */
async function proxyThat(answer: string | undefined, tls?: { readonly cert: string; readonly key: string }) {
  const got: string[] = [];
  const open = new Set<Socket>();
  const serve = (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      got.push(chunk.toString("latin1"));
      if (answer !== undefined && got.length === 1) socket.write(answer);
    });
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, got, open };
}
const established = "HTTP/1.1 200 Connection established\r\n\r\n";

describe("a tunnel", () => {
  it("is asked for with the backend's authority, and carries what is written", async () => {
    const { port, got } = await proxyThat(established);
    const socket = await openTunnel(`http://127.0.0.1:${port}`, authorityOf("https://[::1]"), 5000);
    socket.write("through");
    await expect.poll(() => got).toHaveLength(2);
    expect(got[0]).toMatch(/^CONNECT \[::1\]:443 HTTP\/1\.1\r\n/);
    expect(got[0]?.toLowerCase()).toContain("\r\nhost: [::1]:443\r\n");
    expect(got[0]).not.toMatch(/authorization/i);
    expect(got[1]).toBe("through");
    socket.destroy();
  });

  it.each([
    ["user:pass%3A%25word", "user:pass:%word"],
    ["user:100%", "user:100%"],
    ["%C3%A4:%zz", "ä:%zz"],
  ])("is asked for with the proxy's password: %s", async (written, meant) => {
    const { port, got } = await proxyThat(established);
    (await openTunnel(`http://${written}@127.0.0.1:${port}`, "a.example:443", 5000)).destroy();
    const expected = Buffer.from(meant).toString("base64");
    expect(got[0]).toContain(`proxy-authorization: Basic ${expected}\r\n`);
  });

  it.each([
    ["refuses", "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", /CONNECT with 403/],
    // What a proxy says here would be taken for the backend's.
    ["speaks in the backend's place", `${established}HTTP/1.1 200 OK\r\n\r\n`, /CONNECT with 200/],
    ["is no proxy", "SSH-2.0-OpenSSH\r\n", /cannot be reached/],
  ])("is none when the proxy %s, and its connection ends", async (_what, answer, reason) => {
    const { port, open } = await proxyThat(answer);
    await expect(openTunnel(`http://127.0.0.1:${port}`, "a.example:443", 5000)).rejects.toThrow(reason);
    await expect.poll(() => [...open].every((socket) => socket.destroyed || socket.readableEnded)).toBe(true);
  });

  it("is not waited for longer than it may take", async () => {
    const { port } = await proxyThat(undefined);
    await expect(openTunnel(`http://127.0.0.1:${port}`, "a.example:443", 50)).rejects.toThrow(TookTooLong);
  });

  it("is not opened at a proxy with TLS whose certificate nobody knows", async () => {
    const { server } = await testPki();
    const { port, got } = await proxyThat(established, { cert: server.chainPem, key: server.keyPem });
    const opening = openTunnel(`https://localhost:${port}`, "a.example:443", 5000);
    await expect(opening).rejects.toMatchObject({
      message: "the proxy cannot be reached",
      cause: { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" },
    });
    expect(got).toEqual([]);
  });
});
