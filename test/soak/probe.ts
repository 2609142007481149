import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

/** What a process holds at one time, after a garbage collection. */
export interface Footprint {
  readonly heapBytes: number;
  /** Memory of buffers and of native objects that the heap knows of. */
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
}

/** Asks Node's own inspector: the gateway needs no door of its own for this. */
export async function footprint(pid: number, inspector: string): Promise<Footprint> {
  const socket = new WebSocket(inspector);
  try {
    await once(socket, "open");
    // Twice: what a finaliser gives back is gone only after the next one.
    await command(socket, 1, "HeapProfiler.collectGarbage");
    await command(socket, 2, "HeapProfiler.collectGarbage");
    const { result } = await command(socket, 3, "Runtime.evaluate", {
      expression: "JSON.stringify(process.memoryUsage())",
    });
    const usage = JSON.parse(result?.value ?? "") as NodeJS.MemoryUsage;
    return {
      heapBytes: usage.heapUsed,
      externalBytes: usage.external,
      residentBytes: residentBytes(pid),
      descriptors: descriptors(pid),
    };
  } finally {
    socket.close();
  }
}

export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kilobytes) * 1024;
}

interface CommandResult {
  readonly result?: { readonly value?: string };
}

async function command(
  socket: WebSocket,
  id: number,
  method: string,
  params: object = {},
): Promise<CommandResult> {
  const answered = new Promise<CommandResult>((resolve, reject) => {
    const hear = ({ data }: MessageEvent) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: CommandResult; error?: object };
      if (message.id !== id) return;
      socket.removeEventListener("message", hear);
      if (message.error === undefined) resolve(message.result ?? {});
      else reject(new Error(`${method}: ${JSON.stringify(message.error)}`));
    };
    socket.addEventListener("message", hear);
    socket.addEventListener("close", () => reject(new Error(`${method}: the process is gone`)));
  });
  socket.send(JSON.stringify({ id, method, params }));
  return answered;
}
