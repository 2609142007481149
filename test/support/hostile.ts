import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createTestPki, type TestPki } from "./test-pki.ts";
import { startWorld, type World, type WorldConfig } from "./world.ts";

/** A gateway with a client that keeps to itself (`device-1`), and one that does not. */
export interface HostileWorld extends World {
  readonly hostile: IssuedCertificate;
  /** Bytes on a connection of the hostile client, or of another one, from an address of its own. */
  open(client?: IssuedCertificate): Promise<HostileConnection>;
  /** The same before any handshake. */
  openTcp(): HostileConnection;
  /** Has the good client ask, one request after the other each over a connection of its own, while something goes on. */
  neighbourDuring(going: Promise<unknown>): Promise<Neighbour>;
  /** The value of one series, as it is written: name and labels. */
  metric(series: string): Promise<number>;
  /** `certgate_shed_total` of one reason. */
  shed(reason: string): Promise<number>;
}

export interface Neighbour {
  readonly asked: number;
  /** Statuses other than 200. */
  readonly refused: readonly number[];
  /** One of its answers took more than ten seconds. */
  readonly waitedLong: boolean;
}

/** A neighbour that was served whatever went on. */
export const unharmed: Partial<Neighbour> = { refused: [], waitedLong: false };

export interface HostileConnection {
  readonly socket: Socket | TLSSocket;
  /** Everything that came until the other side ended it. */
  readonly ended: Promise<string>;
}

/** Only the neighbour's source is the system's own choice. */
const hostileAddress = "127.0.0.2";

export const chat = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "one two three" }] },
} as const;

export async function startHostileWorld(configure: (config: WorldConfig) => void): Promise<HostileWorld> {
  const pki: TestPki = await createTestPki();
  const hostile = await pki.intermediate.issue({ subject: "CN=hostile" });
  const world = await startWorld({
    pki,
    configure(config) {
      config["clients"]["hostile"] = { thumbprints: [hostile.thumbprint], deployments: ["gpt-test"] };
      configure(config);
    },
  });
  const where = { host: "127.0.0.1", port: world.certgate.port, localAddress: hostileAddress };
  const openTcp = () => follow(connectTcp(where));
  const metric = async (series: string) => {
    const page = await (await world.admin("/metrics")).text();
    const line = page.split("\n").find((text) => text.startsWith(`${series} `));
    if (line === undefined) throw new Error(`no series ${series}`);
    return Number(line.slice(series.length));
  };
  return {
    ...world,
    hostile,
    openTcp,
    async open(client = hostile) {
      const socket = connectTls({
        ...where,
        ca: pki.root.pem,
        servername: "localhost",
        cert: client.chainPem,
        key: client.keyPem,
      });
      const connection = follow(socket);
      const connected = new Promise((resolve) => void socket.once("secureConnect", resolve));
      await Promise.race([connected, connection.ended]);
      return connection;
    },
    async neighbourDuring(going) {
      const over = new AbortController();
      void going.finally(() => over.abort());
      const refused: number[] = [];
      let [asked, waitedLong] = [0, false];
      do {
        const startedAt = performance.now();
        const { status } = await world.ask(chat);
        asked += 1;
        if (status !== 200) refused.push(status);
        if (performance.now() - startedAt > 10_000) waitedLong = true;
      } while (!over.signal.aborted);
      await going;
      return { asked, refused, waitedLong };
    },
    metric,
    shed: (reason) => metric(`certgate_shed_total{reason="${reason}"}`),
  };
}

function follow(socket: Socket): HostileConnection {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  // A reset is an end.
  socket.on("error", () => {});
  socket.once("end", () => resolve(text));
  socket.once("close", () => resolve(text));
  onTestFinished(() => void socket.destroy());
  return { socket, ended };
}

/** The status line's number of the first answer. */
export const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
