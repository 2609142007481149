import type { Socket } from "node:net";
import type { ConnectionCaller } from "../gateway/caller.ts";
import { handleUpgrade } from "../gateway/handle-upgrade.ts";
import type { Upgrade, UpgradeOver } from "../gateway/upgrade.ts";
import { deny, type Denied } from "../model/verdict.ts";
import { answerOnSocket, refuseOnSocket } from "./refuse.ts";
import { begin, complete, type ExchangeServer, note, type Outcome, refusalOf } from "./serve-exchange.ts";

/** For how long a WebSocket that is ended may take over its goodbye. Long enough to send it, far under a second. */
export const goodbyeMs = 250;

/** @returns whether nothing was written there since: then there is still an answer to give in HTTP */
function unansweredOn(socket: Upgrade["socket"]): () => boolean {
  const { bytesWritten } = socket as Socket;
  return () => (socket as Socket).bytesWritten === bytesWritten;
}

/** RFC 6455 7.4.1. */
const [goingAway, policyViolation] = [1001, 1008];

/**
 * Serves one upgrade: the story, and its ends. Never throws.
 * @param turnedAway answered at once, whoever asks and whatever for
 */
export async function serveUpgrade(
  server: ExchangeServer,
  connection: ConnectionCaller,
  { request, socket, head }: Pick<Upgrade, "request" | "socket" | "head">,
  turnedAway?: Denied,
): Promise<void> {
  const draft = begin(server, request);
  let end: { readonly outcome: Outcome; readonly status: number } = {
    outcome: { decision: "allowed", answeredBy: "backend" },
    status: 101,
  };
  const byGateway = (decision: "allowed" | "denied", status: number) => {
    end = { outcome: { decision, answeredBy: "gateway" }, status };
  };
  const refused = (denied: Denied, status: number) => {
    note(draft, denied.code, denied.detail);
    byGateway("denied", status);
  };
  let wasCut = false;
  const fail = (fault: unknown) => {
    // What fails because it was cut is recorded as that.
    if (wasCut) return void socket.destroy();
    const refusal = refusalOf(fault, draft);
    byGateway("allowed", refusal === undefined ? 499 : refuseOnSocket(socket, refusal, draft.requestId));
  };
  const over = ({ status, denied, isFault, answer }: UpgradeOver) => {
    if (wasCut) return;
    if (denied !== undefined) refused(denied, status);
    else if (isFault === true) byGateway("allowed", status);
    else end = { ...end, status };
    if (answer !== undefined) answerOnSocket(socket, status, answer.headers, answer.body);
  };
  const part = (code: number, reason: string) => {
    if (upgrade.goodbye === undefined) return void socket.destroy();
    upgrade.goodbye(code, reason);
    const timer = setTimeout(() => socket.destroy(), goodbyeMs);
    socket.once("close", () => clearTimeout(timer));
  };
  socket.on("error", () => socket.destroy());
  if (turnedAway !== undefined) {
    refused(turnedAway, refuseOnSocket(socket, turnedAway, draft.requestId));
    return server.record(complete(server, draft, end.outcome, end.status));
  }
  const isUnanswered = unansweredOn(socket);
  const live = server.live.add(connection, (denied) => {
    wasCut = true;
    if (denied.code === "shutting_down" && isUnanswered())
      return refused(denied, refuseOnSocket(socket, denied, draft.requestId));
    refused(denied, 101);
    part(denied.code === "shutting_down" ? goingAway : policyViolation, denied.code);
  });
  const upgrade: Upgrade = { request, socket, head, granted: live.granted, failed: fail };
  const lease = server.enter();
  try {
    // It would have to end before it began to be of use.
    const ended = server.draining()
      ? deny("shutting_down", "Open the connection again.")
      : await handleUpgrade(lease.gateway, connection, upgrade, draft);
    if (ended !== undefined && "status" in ended) over(ended);
    else if (ended !== undefined) refused(ended, refuseOnSocket(socket, ended, draft.requestId));
  } catch (fault) {
    fail(fault);
  } finally {
    live.end();
    lease.leave();
    server.record(complete(server, draft, end.outcome, end.status));
  }
}
