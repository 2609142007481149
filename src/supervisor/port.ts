import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { GatewayError } from "../kernel/errors.ts";
import { listenProblem } from "../kernel/listen-problem.ts";

/** A port that several processes are about to share. */
export interface SharedPort {
  readonly port: number;
  /** To be called when they listen: until then a port that the system chose stays taken. */
  release(): void;
}

export interface SharedPortOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether others, beside these processes, may have it already. */
  readonly shared: boolean;
}

/**
 * Chooses the port once for all workers. One that is not to be shared with others is tried alone first: a second gateway
 * that is started by mistake must not quietly get half of the first one's callers.
 * @throws GatewayError with a sentence for the operator
 */
export async function choosePort({ host, port, shared }: SharedPortOptions): Promise<SharedPort> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host, port, reusePort: shared || port === 0 });
    await once(server, "listening");
  } catch (cause) {
    const problem = listenProblem(cause, "the gateway's port", host, port, "listen.port");
    throw new GatewayError("internal_error", problem, { cause });
  }
  const chosen = (server.address() as AddressInfo).port;
  // A known port is known to callers too: whoever holds it must serve, and nobody does yet.
  if (port !== 0) server.close();
  return { port: chosen, release: () => void (server.listening && server.close()) };
}
