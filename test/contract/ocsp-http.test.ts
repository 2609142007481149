import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { httpOcsp } from "../../src/trust/adapters/http-ocsp.ts";

const inTime = () => AbortSignal.timeout(5_000);
const request = Buffer.from("a request");

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`;
}

const anywhere = httpOcsp({ reach: "anywhere" });

describe("OCSP over HTTP", () => {
  it("posts the request as what it is and gives the body back", async () => {
    const seen: unknown[] = [];
    const url = await serve((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        seen.push(incoming.method, incoming.url, incoming.headers["content-type"], Buffer.concat(chunks));
        response.end("an answer");
      });
    });
    expect(String(await anywhere.post(url, request, inTime()))).toBe("an answer");
    expect(seen).toEqual(["POST", "/ocsp", "application/ocsp-request", request]);
  });

  it.each([301, 302, 303, 307, 308])("does not follow a redirect (%i)", async (status) => {
    let visits = 0;
    const url = await serve((_incoming, response) => {
      visits += 1;
      response.writeHead(status, { location: "/elsewhere" }).end();
    });
    await expect(anywhere.post(url, request, inTime())).rejects.toThrow(`status ${status}`);
    expect(visits).toBe(1);
  });

  it.each([204, 404, 500])("takes no answer of status %i", async (status) => {
    const url = await serve((_incoming, response) => response.writeHead(status).end());
    await expect(anywhere.post(url, request, inTime())).rejects.toThrow(`status ${status}`);
  });

  it("reads no more than an answer may have", async () => {
    const url = await serve((_incoming, response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
        response.once("drain", pour);
      };
      pour();
    });
    await expect(anywhere.post(url, request, inTime())).rejects.toThrow("larger than 65536 bytes");
  });

  const hangs: readonly (readonly [string, RequestListener])[] = [
    ["before its head", () => {}],
    ["after its head", (_incoming, response) => void response.writeHead(200).write("a beginning")],
  ];
  it.each(hangs)("ends with its signal when a responder hangs %s", async (_where, answer) => {
    const url = await serve(answer);
    const begun = performance.now();
    await expect(anywhere.post(url, request, AbortSignal.timeout(200))).rejects.toThrow(/abort/i);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it("fails when a responder breaks off", async () => {
    const url = await serve((incoming) => incoming.socket.destroy());
    await expect(anywhere.post(url, request, inTime())).rejects.toThrow(/hang up|reset/);
  });
});

describe("OCSP over HTTP to where a certificate says", () => {
  const guarded = httpOcsp({ reach: "public" });

  it("never reaches a service of this machine, by number or by name", async () => {
    let visits = 0;
    const url = await serve((_incoming, response) => {
      visits += 1;
      response.end("secret");
    });
    const { port } = new URL(url);
    for (const host of ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
      await expect(guarded.post(`http://${host}:${port}/`, request, inTime())).rejects.toThrow(
        "inside network",
      );
    expect(visits).toBe(0);
  });

  it("never reaches a metadata service", async () => {
    const url = "http://169.254.169.254/metadata/identity/oauth2/token";
    await expect(guarded.post(url, request, inTime())).rejects.toThrow("inside network");
  });
});
