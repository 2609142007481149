import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { mkdtemp, open, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAuthority } from "../../src/dev/pki/authority.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { fileCrls } from "../../src/trust/adapters/file-crls.ts";
import { httpCrls } from "../../src/trust/adapters/http-crls.ts";
import { type CrlReader, createCrlReader } from "../../src/trust/crl-reader.ts";
import type { CrlSource } from "../../src/trust/ports.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;
type Crl = Awaited<ReturnType<Authority["crl"]>>;

let authority: Authority;
let first: Crl;
let second: Crl;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  authority = await createAuthority({ subject: "CN=CRL Root" });
  first = await authority.crl({ number: 1 });
  second = await authority.crl({ number: 2 });
});
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const fetchFrom = (source: CrlSource) => source.fetch(new AbortController().signal);
const hex = (ders: readonly Uint8Array[]) => ders.map((der) => Buffer.from(der).toString("hex"));

async function sentenceOf(source: CrlSource): Promise<string> {
  const outcome = await fetchFrom(source).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof GatewayError)) throw new Error("expected a GatewayError", { cause: outcome });
  expect(outcome.code).toBe("revocation_unavailable");
  return describeFault(outcome);
}

async function listen(server: Server, scheme: "http" | "https"): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `${scheme}://localhost:${address.port}`;
}

const serve = (listener: RequestListener) => listen(createHttpServer(listener), "http");

async function serveTls(listener: RequestListener): Promise<{ url: string; ca: string }> {
  const leaf = await authority.issue({
    subject: "CN=localhost",
    extendedKeyUsage: ["serverAuth"],
    subjectAltNames: [{ type: "dns", value: "localhost" }],
  });
  const server = createHttpsServer({ cert: leaf.chainPem, key: leaf.keyPem }, listener);
  return { url: await listen(server, "https"), ca: authority.pem };
}

async function fileOf(content: string | Uint8Array, reader?: CrlReader): Promise<CrlSource> {
  const folder = await mkdtemp(join(tmpdir(), "certgate-crl-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "ca.crl"), content);
  return fileCrls(join(folder, "ca.crl"), reader);
}

function largeFileOf(content: string | Uint8Array): Promise<CrlSource> {
  const reader = createCrlReader({ clock: systemClock, largeFrom: 1 });
  cleanups.push(async () => reader.stop());
  return fileOf(content, reader);
}

const urlOf = async (content: string | Uint8Array): Promise<CrlSource> =>
  httpCrls(`${await serve((_, response) => response.end(content))}/ca.crl`);

const to =
  (location: string): RequestListener =>
  (_, response) => {
    response.writeHead(302, { location }).end();
  };

const adapters = [
  { name: "file", of: (content: string | Uint8Array) => fileOf(content) },
  { name: "file that a thread reads", of: largeFileOf },
  { name: "url", of: urlOf },
];

describe.each(adapters)("$name as a source of CRLs", ({ of }) => {
  it("gives DER", async () => {
    expect(hex(await fetchFrom(await of(first.der)))).toEqual(hex([first.der]));
  });

  it("gives every PEM block, in order", async () => {
    expect(hex(await fetchFrom(await of(first.pem + second.pem)))).toEqual(hex([first.der, second.der]));
  });

  it("refuses what holds no CRL, and names itself", async () => {
    expect(await sentenceOf(await of("<html>moved</html>"))).toMatch(
      /^(file|url) .*ca\.crl holds no readable CRL/,
    );
  });

  it("refuses nothing at all", async () => {
    expect(await sentenceOf(await of(""))).toMatch(/holds no readable CRL/);
  });
});

describe("a file of CRLs", () => {
  it("that is not there says why", async () => {
    expect(await sentenceOf(fileCrls("/no/such/ca.crl"))).toMatch(
      /^file \/no\/such\/ca\.crl cannot be read: ENOENT/,
    );
  });

  describe.each([
    ["here", 1_000_000],
    ["in a thread", 1],
  ])("that is read %s", (_, largeFrom) => {
    let path: string;
    let source: CrlSource;
    beforeEach(async () => {
      const folder = await mkdtemp(join(tmpdir(), "certgate-crl-"));
      path = join(folder, "ca.crl");
      const reader = createCrlReader({ clock: systemClock, largeFrom });
      cleanups.push(async () => reader.stop());
      cleanups.push(() => rm(folder, { recursive: true }));
      await writeFile(path, first.der);
      source = fileCrls(path, reader);
    });

    it("is not decoded again while it holds the same, though another took its place", async () => {
      const [before] = await fetchFrom(source);
      await writeFile(`${path}.next`, first.der);
      await rename(`${path}.next`, path);
      expect((await fetchFrom(source))[0]).toBe(before);
    });

    it("is decoded again when it holds as many other octets, though its date was set back", async () => {
      const date = new Date("2026-01-01");
      await utimes(path, date, date);
      await fetchFrom(source);
      const changed = Buffer.from(first.der);
      changed[changed.length - 1]! ^= 1;
      await writeFile(path, changed);
      await utimes(path, date, date);
      expect(hex(await fetchFrom(source))).toEqual(hex([changed]));
    });

    it("is a fault once it is damaged or gone, and is decoded when it is back", async () => {
      await fetchFrom(source);
      await writeFile(path, first.pem.slice(0, -30));
      expect(await sentenceOf(source)).toMatch(/holds no readable CRL/);
      await rm(path);
      expect(await sentenceOf(source)).toMatch(/cannot be read: ENOENT/);
      await writeFile(path, second.pem);
      expect(hex(await fetchFrom(source))).toEqual(hex([second.der]));
    });
  });

  it.each([
    ["here", 1_000_000],
    ["in a thread", 1],
  ])(
    "that becomes shorter while it is read %s is refused: a whole CRL could be missing",
    async (_, largeFrom) => {
      const reader = createCrlReader({ clock: systemClock, largeFrom });
      cleanups.push(async () => reader.stop());
      const folder = await mkdtemp(join(tmpdir(), "certgate-crl-"));
      cleanups.push(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, "ca.crl"), first.pem);
      await using file = await open(join(folder, "ca.crl"));
      const size = first.pem.length + second.pem.length;
      await expect(reader.fingerprintFile(file, size)).rejects.toThrow("it changed while it was read");
      await expect(reader.decodeFile(file, size)).rejects.toThrow("it changed while it was read");
    },
  );
});

describe("a CRL over http", () => {
  it("is not downloaded again while it has not changed", async () => {
    const answers: number[] = [];
    const url = await serve((request, response) => {
      const unchanged = request.headers["if-none-match"] === '"v1"';
      answers.push(unchanged ? 304 : 200);
      response.writeHead(unchanged ? 304 : 200, { etag: '"v1"' }).end(unchanged ? undefined : first.der);
    });
    const source = httpCrls(url);
    const [before] = await fetchFrom(source);
    const [after] = await fetchFrom(source);
    expect(after).toBe(before);
    expect(answers).toEqual([200, 304]);
  });

  it("is asked for whole again after an answer that was no CRL", async () => {
    let body: string | Uint8Array = "garbage";
    const conditions: unknown[] = [];
    const url = await serve((request, response) => {
      conditions.push(request.headers["if-none-match"]);
      response.writeHead(200, { etag: '"v1"' }).end(body);
    });
    const source = httpCrls(url);
    await sentenceOf(source);
    body = first.der;
    expect(await fetchFrom(source)).toHaveLength(1);
    expect(conditions).toEqual([undefined, undefined]);
  });

  it.each([
    ["announced", { "content-length": "5000" }],
    ["found on the way", {}],
  ])("over the size limit is refused when that is %s", async (_, headers) => {
    const url = await serve((__, response) => {
      response.writeHead(200, headers);
      response.write(Buffer.alloc(2500));
      response.end(Buffer.alloc(2500));
    });
    expect(await sentenceOf(httpCrls(url, { maxBytes: 4000 }))).toMatch(
      /larger than the limit of 4000 bytes/,
    );
  });

  it("from a server that trickles is given up within the time limit", async () => {
    const url = await serve((_, response) => {
      const timer = setInterval(() => response.write(Buffer.of(0x30)), 20);
      response.once("close", () => clearInterval(timer));
    });
    const started = Date.now();
    expect(await sentenceOf(httpCrls(url, { timeoutMs: 200 }))).toMatch(/no complete answer within 200 ms/);
    expect(Date.now() - started).toBeLessThan(1500);
  });

  it("from a server that never answers is given up within the time limit", async () => {
    const url = await serve(() => {});
    expect(await sentenceOf(httpCrls(url, { timeoutMs: 200 }))).toMatch(/no complete answer within 200 ms/);
  });

  it("cut short is a fault", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": String(first.der.length) });
      response.write(first.der.subarray(0, 20), () => response.destroy());
    });
    expect(await sentenceOf(httpCrls(url))).toMatch(/cannot be fetched/);
  });

  it.each([404, 500, 204, 206])("with status %i is a fault that says so", async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    expect(await sentenceOf(httpCrls(url))).toContain(`the server answers with status ${status}`);
  });

  it("that is not there says why", async () => {
    expect(await sentenceOf(httpCrls("http://127.0.0.1:1/ca.crl"))).toMatch(/ECONNREFUSED/);
  });

  it("ends with its signal, and its reason", async () => {
    const leaving = new AbortController();
    const url = await serve(() => leaving.abort(new Error("stopped")));
    await expect(httpCrls(url).fetch(leaving.signal)).rejects.toThrow("stopped");
  });

  it("over https is trusted by a private CA, and refused without it", async () => {
    const { url, ca } = await serveTls((_, response) => response.end(first.der));
    expect(await fetchFrom(httpCrls(url, { ca }))).toHaveLength(1);
    expect(await sentenceOf(httpCrls(url))).toMatch(/cannot be fetched/);
  });
});

describe("a redirect", () => {
  it("is followed three times", async () => {
    const url = await serve((request, response) => {
      const step = Number(request.url?.slice(1));
      if (step === 3) response.end(first.der);
      else response.writeHead(302, { location: `/${step + 1}` }).end();
    });
    expect(await fetchFrom(httpCrls(`${url}/0`))).toHaveLength(1);
  });

  it("is not followed for ever", async () => {
    const url = await serve(to("/again"));
    expect(await sentenceOf(httpCrls(url))).toMatch(/more than 3 redirects/);
  });

  it.each(["file:///etc/passwd", "ftp://localhost/ca.crl", "data:,x"])(
    "to %s is not followed",
    async (location) => {
      expect(await sentenceOf(httpCrls(await serve(to(location))))).toMatch(/is not followed/);
    },
  );

  it("from https down to http is not followed", async () => {
    const plain = await serve((_, response) => response.end(first.der));
    const { url, ca } = await serveTls(to(plain));
    expect(await sentenceOf(httpCrls(url, { ca }))).toMatch(/from https: to http: is not followed/);
  });

  it("from http up to https is followed", async () => {
    const { url, ca } = await serveTls((_, response) => response.end(first.der));
    expect(await fetchFrom(httpCrls(await serve(to(url)), { ca }))).toHaveLength(1);
  });
});

describe("a URL that a certificate named", () => {
  it.each(["localhost", "127.0.0.1", "[::1]", "0x7f.1", "2130706433"])(
    "does not lead inside by %s, and nobody there hears of it",
    async (host) => {
      let requests = 0;
      const { port } = new URL(
        await serve((_, response) => {
          requests += 1;
          response.end(first.der);
        }),
      );
      const source = httpCrls(`http://${host}:${port}/ca.crl`, { reach: "public" });
      expect(await sentenceOf(source)).toMatch(/inside network/);
      expect(requests).toBe(0);
    },
  );
});
