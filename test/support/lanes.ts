import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { World, WorldConfig } from "./world.ts";

/** What a client got on one of the lanes. */
export interface Passed {
  /** 101: the WebSocket was opened. */
  readonly status: number;
  /** Of the gateway's own answers. */
  readonly reason: string | undefined;
}

/** Every way through the gateway to the backend of this name, if `leadEverywhere` was told of it. */
export const lanes: Readonly<Record<string, (world: World, backend: string) => Promise<Passed>>> = {
  async request(world, backend) {
    const answer = await world.ask({
      path: `/openai/deployments/${backend}/chat/completions?api-version=2024-10-21`,
      body: { messages: [{ role: "user", content: "swordfish" }] },
    });
    return { status: answer.status, reason: answer.headers["x-certgate-reason"]?.toString() };
  },
  WebSocket: (world, backend) => knock(world, `/openai/v1/realtime?model=${backend}`),
  async route(world, backend) {
    const answer = await world.ask({ path: `/${backend}/orders/7`, body: "swordfish" });
    return { status: answer.status, reason: answer.headers["x-certgate-reason"]?.toString() };
  },
  "upgrade on a route": (world, backend) => knock(world, `/${backend}/live`),
};
export const laneNames = Object.keys(lanes);

/** The status of a lane that works. */
export const goodOn = (lane: string): Passed => ({
  status: lane === "request" || lane === "route" ? 200 : 101,
  reason: undefined,
});

/** Asks for a WebSocket, and leaves at once. */
async function knock(world: World, path: string): Promise<Passed> {
  const { root, client } = world.pki;
  const webSocket = new WebSocket(`wss://localhost:${world.certgate.port}${path}`, {
    ca: root.pem,
    cert: client.chainPem,
    key: client.keyPem,
  });
  webSocket.on("error", () => {});
  const answered = once(webSocket, "unexpected-response");
  const [, answer] = await Promise.race([
    once(webSocket, "open").then(() => [undefined, undefined] as const),
    answered as Promise<[unknown, IncomingMessage]>,
  ]);
  webSocket.terminate();
  if (answer === undefined) return { status: 101, reason: undefined };
  return { status: answer.statusCode ?? 0, reason: answer.headers["x-certgate-reason"]?.toString() };
}

/** Gives the client a deployment and a route of the same name to each of these backends. */
export function leadEverywhere(config: WorldConfig, backends: Readonly<Record<string, object>>): void {
  const names = Object.keys(backends);
  // What fails here is to be asked again.
  const breaker = { failures: 1000 };
  config["backends"] = {
    ...config["backends"],
    ...Object.fromEntries(
      Object.entries(backends).map(([name, written]) => [
        name,
        { credential: "gateway", breaker, ...written },
      ]),
    ),
  };
  config["deployments"] = {
    ...config["deployments"],
    ...Object.fromEntries(names.map((name) => [name, { backend: name }])),
  };
  config["routes"] = Object.fromEntries(
    names.map((name) => [name, { kind: "http", path: `/${name}/`, backend: name }]),
  );
  Object.assign(config["clients"]["device-1"], {
    deployments: names,
    operations: ["inference", "realtime"],
    routes: names,
  });
}

/** What the operator reads about the last exchange. */
export const lastDetail = async (world: World): Promise<unknown> =>
  (await world.log()).findLast(({ msg }) => msg === "request")?.["detail"];
