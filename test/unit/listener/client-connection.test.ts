import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectionCaller } from "../../../src/gateway/caller.ts";
import { ClientConnection } from "../../../src/listener/client-connection.ts";

let socket: { writable: boolean };
let connection: ClientConnection;
let begun: string[];
beforeEach(() => {
  socket = { writable: true };
  connection = new ClientConnection(socket as Socket, {} as ConnectionCaller, false);
  begun = [];
});

/** A request of which only the end of its answer matters here. */
function request(name: string, most = 2) {
  const response = new EventEmitter();
  const taken = connection.take(response as unknown as ServerResponse, () => begun.push(name), most);
  return { taken, over: () => void response.emit("close") };
}

describe("the requests of one connection", () => {
  it("are served one after the other, in their order", () => {
    const [first, second] = [request("first"), request("second"), request("third")];
    expect(begun).toEqual(["first"]);
    first.over();
    expect(begun).toEqual(["first", "second"]);
    second.over();
    expect(begun).toEqual(["first", "second", "third"]);
  });

  it("wait up to a number, beyond which none is taken", () => {
    const taken = ["served", "waiting", "waiting too", "one too many"].map((name) => request(name).taken);
    expect(taken).toEqual([true, true, true, false]);
  });

  it("are not begun any more when the answer before them closed the connection", () => {
    const first = request("first");
    request("second");
    socket.writable = false;
    first.over();
    expect(begun).toEqual(["first"]);
    expect(connection.isAnswering).toBe(false);
  });

  it("say that the connection ends, those under way, where nothing of their answer was sent", () => {
    connection.endAfterAnswer();
    const answers = [false, true].map((headersSent) => {
      const response = Object.assign(new EventEmitter(), { headersSent, shouldKeepAlive: true });
      connection.take(response as unknown as ServerResponse, () => {}, 1);
      connection.endAfterAnswer();
      response.emit("close");
      return response.shouldKeepAlive;
    });
    expect(answers).toEqual([false, true]);
  });

  it("are known to be under way until the last has its answer", () => {
    expect(connection.isAnswering).toBe(false);
    const [first, second] = [request("first"), request("second")];
    first.over();
    expect(connection.isAnswering).toBe(true);
    second.over();
    expect(connection.isAnswering).toBe(false);
  });
});
