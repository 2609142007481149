import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { run } from "./cli.ts";

/** Whether this machine has a `redis-server` on its path. */
export const hasRedis: boolean = (() => {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** A Redis of one's own on loopback that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  /** Stopped in its tracks: connections stay open, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Ends it; what it held is gone. */
  stop(): Promise<void>;
}

/**
 * @param port default: a free one
 * @param more options of `redis-server`, without their dashes
 */
export async function startRedis(
  port?: number,
  more: Readonly<Record<string, string>> = {},
): Promise<RedisServer & { readonly port: number }> {
  const chosen = port ?? (await freePort());
  const options = { port: String(chosen), bind: "127.0.0.1", save: "", appendonly: "no", ...more };
  const server = run(
    "redis-server",
    Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  );
  await server.wrote(/Ready to accept connections/);
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    freeze: () => server.signal("SIGSTOP"),
    thaw: () => server.signal("SIGCONT"),
    async stop() {
      server.signal("SIGCONT");
      server.signal("SIGKILL");
      await server.ended;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
