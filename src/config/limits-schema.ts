import { z } from "zod";

const count = z.int().positive();
const MiB = 1024 * 1024;

/** What one request, one client, one source and all together may take up. */
export const limits = z
  .strictObject({
    /** Largest JSON body in bytes. */
    jsonBodyBytes: count.default(32 * MiB),
    /** Bytes of a form that are held until it has named its model or purpose. */
    formHeldBytes: count.default(32 * MiB),
    /** Largest form in bytes, files included. */
    formBodyBytes: count.default(512 * MiB),
    /** Largest message in a WebSocket, in bytes, in either direction. Below 2 GiB, which is as far as is counted. */
    webSocketMessageBytes: count.max(1024 * MiB).default(16 * MiB),
    /** Bytes of bodies that a process holds at the same time. */
    bufferedBytes: count.default(512 * MiB),
    /** The same for one client. */
    bufferedBytesPerClient: count.default(128 * MiB),
    /** Open client connections of a process. */
    connections: count.default(10_000),
    /** The same with one client certificate. */
    connectionsPerClient: count.default(1000),
    /** The same from one IPv4 address or one IPv6 network of 64 bits. */
    connectionsPerSource: count.default(5000),
    /** New connections from such a source; it can save up five seconds' worth. */
    handshakesPerSecondPerSource: z.number().positive().default(200),
    /** Requests that a client may send ahead on a connection while another is answered there. */
    pipelinedRequests: count.default(32),
    /** From a connection's beginning, or a request's first byte, to the end of its headers. */
    headerSeconds: z.number().positive().max(3600).default(30),
    /** A body that is waited for must bring something in so many seconds. */
    bodyStallSeconds: z.number().positive().max(3600).default(60),
    /** An answer of which the client takes nothing for so many seconds is ended. */
    unreadSeconds: z.number().positive().max(3600).default(120),
    /** Milliseconds by which the event loop may be late, for longer than a second, before requests are turned away. */
    eventLoopLagMs: z.number().positive().default(200),
  })
  .superRefine((given, context) => {
    // A body that could never be held would be refused as if it were only the wrong moment.
    for (const key of ["jsonBodyBytes", "formHeldBytes"] as const)
      if (given[key] > given.bufferedBytesPerClient)
        context.addIssue({
          code: "custom",
          path: [key],
          message: "is more than bufferedBytesPerClient allows",
        });
    if (given.bufferedBytesPerClient > given.bufferedBytes)
      context.addIssue({
        code: "custom",
        path: ["bufferedBytesPerClient"],
        message: "is more than bufferedBytes, which all clients share",
      });
  })
  .prefault({});
