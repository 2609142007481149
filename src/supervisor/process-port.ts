import type { ChildProcess } from "node:child_process";
import type { Message, MessagePort } from "./calls.ts";

/** The channel that `fork` opens, seen from either end. */
type Channel = Pick<ChildProcess | NodeJS.Process, "connected" | "on" | "send">;

/** @param channel a forked process, or `process` in one */
export function processPort(channel: Channel): MessagePort {
  return {
    send(message) {
      // The other side may end between this look and the write: `disconnect` tells, and the fault says no more.
      if (channel.connected) channel.send?.(message, undefined, undefined, () => {});
    },
    onMessage: (listener) => void channel.on("message", (message) => listener(message as Message)),
    onClose: (listener) => void channel.on("disconnect", listener),
  };
}
