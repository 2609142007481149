import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { ask, type Asker, begin } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let app: Server;
let pki: TestPki;
/** A second CA below the root, and a second root. */
let otherCa: Authority;
let otherRoot: Authority;
const clients: Record<string, IssuedCertificate> = {};
/** The same client with certificates that end one after the other. */
let shortLived: IssuedCertificate[];

beforeAll(async () => {
  pki = await createTestPki();
  otherCa = await createAuthority({ subject: "CN=Other CA", issuer: pki.root });
  otherRoot = await createAuthority({ subject: "CN=Other Root" });
  for (const [name, issuer] of Object.entries({
    stolen: pki.intermediate,
    lost: pki.intermediate,
    neighbour: pki.intermediate,
    elsewhere: otherCa,
    partner: otherRoot,
  }))
    clients[name] = await issuer.issue({ subject: `CN=${name}` });
  app = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    // An endless stream: only the other side ends it.
    const timer = setInterval(() => response.write("data: tick\n\n"), 20);
    response.once("close", () => clearInterval(timer));
  });
  app.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    const timer = setInterval(() => socket.write("tick"), 20);
    socket.once("close", () => clearInterval(timer));
    socket.on("error", () => {});
  });
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  // Whichever has enough time left when its turn comes: a machine under load starts slowly.
  const now = Date.now();
  shortLived = await Promise.all(
    [4, 6, 9, 13, 18, 25].map((seconds) =>
      otherCa.issue({ subject: "CN=short", notAfter: new Date(now + seconds * 1000) }),
    ),
  );
  const otherCrl = await otherCa.crl();
  const otherRootCrl = await otherRoot.crl();
  world = await startWorld({
    pki,
    files: {
      "anchors.pem": pki.root.pem + otherRoot.pem,
      "other.crl": otherCrl.pem,
      "other-root.crl": otherRootCrl.pem,
    },
    configure(config) {
      const { port } = app.address() as AddressInfo;
      config["trust"].anchors = [{ file: "anchors.pem" }];
      config["trust"].refreshSeconds = 1;
      config["trust"].revocation = {
        crls: ["root.crl", "intermediate.crl", "other.crl", "other-root.crl"].map((file) => ({ file })),
        refreshSeconds: 1,
      };
      config["backends"].erp = {
        endpoint: `https://localhost:${port}`,
        credential: "gateway",
        caFile: "root.pem",
      };
      config["routes"] = { erp: { kind: "http", path: "/erp/", backend: "erp" } };
      const grants = { deployments: ["gpt-test"], routes: ["erp"] };
      for (const [name, { thumbprint }] of Object.entries(clients))
        config["clients"][name] = { thumbprints: [thumbprint], ...grants };
      config["clients"]["short"] = {
        thumbprints: shortLived.map(({ thumbprint }) => thumbprint),
        ...grants,
      };
    },
  });
  world.azure.openAi.setPace({ bytes: 1_000_000_000, chunkBytes: 100, intervalMs: 20 });
});
afterAll(async () => {
  await world.stop();
  app.closeAllConnections();
  app.close();
});

const asker = (client: IssuedCertificate, agent?: Agent): Asker => ({
  port: world.certgate.port,
  ca: pki.root.pem,
  client,
  ...(agent === undefined ? {} : { agent }),
});
const chat = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", stream: true, messages: [{ role: "user", content: "go on" }] },
};

/** An exchange under way. */
interface Running {
  /** Resolves with the epoch ms of its end. */
  readonly ended: Promise<number>;
  /** Resolves when another piece arrives. */
  next(): Promise<unknown>;
  end(): void;
}

/** Not `once` of events: that would reject with the error that a cut is. */
const closeOf = (open: IncomingMessage | TLSSocket) =>
  new Promise<number>((resolve) => {
    open.once("close", () => resolve(Date.now()));
  });

async function stream(client: IssuedCertificate, question: Parameters<typeof begin>[1]): Promise<Running> {
  const answer: IncomingMessage = await begin(asker(client), question);
  expect(answer.statusCode).toBe(200);
  answer.on("error", () => {});
  await once(answer, "data");
  return {
    ended: closeOf(answer),
    next: () => once(answer, "data"),
    end: () => void answer.destroy(),
  };
}

async function tunnel(client: IssuedCertificate): Promise<Running> {
  const socket: TLSSocket = connect({
    host: "localhost",
    port: world.certgate.port,
    ca: pki.root.pem,
    cert: client.chainPem,
    key: client.keyPem,
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  socket.write(
    "GET /erp/live HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [first] = (await once(socket, "data")) as [Buffer];
  expect(first.toString("latin1")).toMatch(/^HTTP\/1\.1 101 /);
  return {
    ended: closeOf(socket),
    next: () => once(socket, "data"),
    end: () => void socket.destroy(),
  };
}

/** All that a client can have running: a stream of tokens, a stream through a route, a tunnel. */
const everything = (client: IssuedCertificate): Promise<Running[]> =>
  Promise.all([stream(client, chat), stream(client, { path: "/erp/events" }), tunnel(client)]);

async function keptAlive(client: IssuedCertificate) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const question = { path: "/openai/v1/models" };
  const first = await ask(asker(client, agent), question);
  expect(first.status).toBe(200);
  return {
    async again() {
      const { status, headers } = await ask(asker(client, agent), question);
      agent.destroy();
      return [status, headers["x-certgate-reason"]];
    },
  };
}

const replace = (name: string, text: string) => writeFile(join(world.directory, name), text);
const lines = async (client: string) =>
  (await world.log()).filter((line) => line["msg"] === "request" && line["client"] === client);
/** Epoch ms of the last change of trust in the log: when new data had arrived. */
async function changedAt(): Promise<number> {
  const changes = (await world.log()).filter(({ msg }) => String(msg).startsWith("trust changed"));
  return new Date(changes.at(-1)?.["time"] as string | number).getTime();
}

describe("a certificate that expires while connected", () => {
  it("has its streams cut, its next request refused, and the log says why", async () => {
    const client = shortLived.find(({ notAfter }) => notAfter.getTime() - Date.now() > 2500);
    expect(client, "a machine this slow cannot run this test").toBeDefined();
    const { notAfter } = client!;
    const connection = await keptAlive(client!);
    const running = await everything(client!);
    const ends = await Promise.all(running.map(({ ended }) => ended));
    // notAfter is inclusive: the whole of that second is still valid.
    for (const end of ends) expect(end - (notAfter.getTime() + 1000)).toBeGreaterThanOrEqual(0);
    for (const end of ends) expect(end - (notAfter.getTime() + 1000)).toBeLessThan(1000);
    expect(await connection.again()).toEqual([401, "client_certificate_expired"]);
    const cut = (await lines("short")).filter(({ reason }) => reason === "client_certificate_expired");
    expect(cut).toHaveLength(3);
  });
});

describe("a client that is revoked while connected", () => {
  it("has its streams and tunnels cut within a second of the CRL's arrival, and its next request refused; its neighbour goes on", async () => {
    const { stolen, neighbour } = clients;
    const connection = await keptAlive(stolen!);
    const running = await everything(stolen!);
    const others = await everything(neighbour!);
    const { pem } = await pki.intermediate.crl({ number: 2, revoked: [{ serial: stolen!.serial }] });
    await replace("intermediate.crl", pem);
    const ends = await Promise.all(running.map(({ ended }) => ended));
    const arrival = await changedAt();
    for (const end of ends) expect(end - arrival).toBeLessThan(1000);
    expect(await connection.again()).toEqual([401, "client_certificate_revoked"]);
    const cut = (await lines("stolen")).filter(({ reason }) => reason === "client_certificate_revoked");
    expect(cut.map(({ operation }) => String(operation)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "chat-completions",
      "route:erp",
      "route:erp",
    ]);
    for (const line of cut) expect(line["detail"]).toMatch(/CN=stolen was revoked at /);
    for (const other of others) {
      await other.next();
      other.end();
    }
  });
});

describe("a trust anchor that is removed", () => {
  it("ends what runs on it, and nothing else", async () => {
    const { partner, neighbour } = clients;
    const connection = await keptAlive(partner!);
    const running = await everything(partner!);
    const others = await everything(neighbour!);
    await replace("anchors.pem", pki.root.pem);
    const ends = await Promise.all(running.map(({ ended }) => ended));
    const arrival = await changedAt();
    for (const end of ends) expect(end - arrival).toBeLessThan(1000);
    expect(await connection.again()).toEqual([401, "client_certificate_untrusted"]);
    expect((await lines("partner")).filter(({ decision }) => decision === "denied")).toHaveLength(3);
    for (const other of others) {
      await other.next();
      other.end();
    }
  });
});

describe("a CRL that goes out of date", () => {
  it("closes the gateway to the clients of its own CA only, and takes nobody out of rotation", async () => {
    const { lost, elsewhere } = clients;
    const thisUpdate = new Date(Date.now() - 30_000);
    const nextUpdate = new Date(Date.now() + 2500);
    const { pem } = await pki.intermediate.crl({ number: 3, thisUpdate, nextUpdate });
    const running = await everything(lost!);
    const others = await everything(elsewhere!);
    await replace("intermediate.crl", pem);
    const ends = await Promise.all(running.map(({ ended }) => ended));
    for (const end of ends)
      expect(end).toBeGreaterThanOrEqual(Math.floor(nextUpdate.getTime() / 1000) * 1000);
    for (const end of ends) expect(end - nextUpdate.getTime()).toBeLessThan(1000);
    expect((await world.ask({ path: "/openai/v1/models" }, lost)).headers["x-certgate-reason"]).toBe(
      "revocation_unavailable",
    );
    for (const other of others) {
      await other.next();
      other.end();
    }
    expect((await world.ask({ path: "/openai/v1/models" }, elsewhere)).status).toBe(200);
    const ready = await world.admin("/readyz");
    expect(ready.status).toBe(200);
    expect(await ready.text()).toMatch(/out of date/);
  });
});
