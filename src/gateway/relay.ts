import type { ServerResponse } from "node:http";
import type { AnswerSink, Forwarder } from "../forward/forwarder.ts";
import { responseHeaders } from "../forward/response-headers.ts";
import type { Clock } from "../kernel/clock.ts";
import type { UpstreamAttempt } from "../model/metrics.ts";
import { BodyBrokenOff, type OutboundRequest } from "../model/outbound-request.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import type { AnswerFilter } from "./claim-answer.ts";
import { CallerLeft } from "./read-body.ts";
import { discardRest } from "./receive-rest.ts";

/**
 * Sends one request to one backend and relays the answer as it arrives, no faster than the caller takes it. When
 * the caller leaves, the backend call is cancelled.
 * @returns the backend's status once the answer is complete; or why the client's body, which was still on its way, is
 * refused: the backend never got all of it, and when the head was sent the response is destroyed
 * @throws GatewayError while no head was sent; CallerLeft when the caller went first. A backend that breaks off
 * after the head can only be told by cutting the connection: then the response is destroyed and the fault thrown.
 * What a filter withholds an answer with is thrown too, before any head was sent.
 */
export function relay(
  forwarder: Forwarder,
  request: OutboundRequest,
  response: ServerResponse,
  context: {
    readonly backend: string;
    readonly requestId: string;
    readonly clock: Clock;
    readonly report: (attempt: UpstreamAttempt) => void;
    /** Stands between the backend's answer and the client's. */
    readonly filter?: AnswerFilter;
  },
): Promise<Verdict<number>> {
  const { promise, resolve, reject } = Promise.withResolvers<Verdict<number>>();
  const startedAt = context.clock.now();
  let firstByteMs: number | undefined;
  let done = false;
  const finish = (outcome: UpstreamAttempt["outcome"]) => {
    done = true;
    response.off("close", onClose);
    response.off("drain", onDrain);
    context.report({
      backend: context.backend,
      outcome,
      durationMs: context.clock.now() - startedAt,
      ...(firstByteMs === undefined ? {} : { firstByteMs }),
    });
  };
  const direct: AnswerSink = {
    head(status, headers) {
      firstByteMs = context.clock.now() - startedAt;
      response.writeHead(status, responseHeaders(headers, context.requestId));
      // An event stream's head must not wait for its first event.
      response.flushHeaders();
    },
    data: (chunk) => response.write(chunk),
    end() {
      finish("answered");
      response.end();
      // The backend did not wait for the end of the body.
      if (!response.req.complete) discardRest(response.req);
      resolve(allow(response.statusCode));
    },
    error(fault) {
      if (fault instanceof BodyBrokenOff) return brokenOff(fault);
      finish((fault as { code?: string }).code === "backend_timeout" ? "timeout" : "unreachable");
      if (response.headersSent) response.destroy();
      reject(fault);
    },
  };
  const brokenOff = ({ denied }: BodyBrokenOff) => {
    finish("aborted");
    if (response.headersSent) response.destroy();
    if (denied === undefined) reject(new CallerLeft());
    else resolve(denied);
  };
  const sink =
    context.filter?.(direct, {
      resume: () => forwarding.resume(),
      over: () => done,
      withhold(fault) {
        if (done) return;
        forwarding.cancel();
        finish("answered");
        reject(fault);
      },
    }) ?? direct;
  const onDrain = () => forwarding.resume();
  const onClose = () => {
    if (done) return;
    forwarding.cancel();
    finish("aborted");
    reject(new CallerLeft());
  };
  response.on("drain", onDrain);
  response.once("close", onClose);
  const forwarding = forwarder.forward(request, sink);
  return promise;
}
