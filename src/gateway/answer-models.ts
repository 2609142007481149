import type { ServerResponse } from "node:http";
import type { ClientEntry } from "../policy/client-map.ts";

/**
 * `GET /models`, answered by the gateway itself: the caller's own deployments and nothing else. A backend would
 * list what others may use.
 * @param only the one that was asked for, which is granted
 */
export function answerModels(
  entry: ClientEntry,
  response: ServerResponse,
  requestId: string,
  only?: string,
): undefined {
  const data = [...entry.rights.deployments].toSorted().map(modelCalled);
  const body = JSON.stringify(only === undefined ? { object: "list", data } : modelCalled(only));
  response.writeHead(200, [
    "content-type",
    "application/json",
    "content-length",
    String(Buffer.byteLength(body)),
    "x-certgate-request-id",
    requestId,
    "x-certgate-answered-by",
    "gateway",
  ]);
  response.end(body);
}

const modelCalled = (id: string) => ({ id, object: "model", created: 0, owned_by: "certgate" });
