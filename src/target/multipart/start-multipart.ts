import type { Target } from "../../model/target.ts";
import { allow, deny } from "../../model/verdict.ts";
import type { Denied, Verdict } from "../../model/verdict.ts";
import { BatchLineFault } from "../batch-lines.ts";
import { assembleTarget, type RequestHead } from "../parse-head.ts";
import { placeOf, traceOf } from "../parse-body.ts";
import { brokenModelRule, refuseBody } from "../read-json.ts";
import { FormReader } from "./form-reader.ts";
import { forms } from "./forms.ts";
import { MultipartFault } from "./multipart-fault.ts";
import { MultipartParser } from "./push-parser.ts";

/** How much may be held back until the form has said what it names. */
export interface MultipartLimits {
  /** Bytes. Clients that put the file before its `model` or `purpose` are held up to here. Default 32 MiB. */
  readonly heldBytes?: number;
}

/** A form that is being read. What was pushed may be forwarded, as it came, once the target is known and granted. */
export interface MultipartReader {
  /**
   * Reads the next bytes. `more`: go on, and hold them back as long as there is no target. A target: once, as soon as
   * it is known. A denial: refuse, or break the forwarding off when it has begun; nothing may be pushed any more.
   */
  push(chunk: Uint8Array): "more" | Verdict<Target>;
  /** At the end of the body: the target, whether or not it was known before, or why the whole is not good. */
  end(): Verdict<Target>;
}

const defaultHeld = 32 * 1024 * 1024;

/**
 * Starts reading a multipart body. The target is known when a file begins and all that it needs was said before, else
 * at the end; each later part is still held against the same rules.
 * @throws TypeError for a head whose body is not multipart
 */
export function startMultipart(
  head: RequestHead,
  { heldBytes = defaultHeld }: MultipartLimits = {},
): MultipartReader {
  const { operation, boundary } = head;
  if (boundary === undefined) throw new TypeError(`${operation.name}: it has no multipart body`);
  const form = new FormReader(forms[operation.form], head.allows, head.deployment);
  const parser = new MultipartParser(boundary, form);
  let held = 0;
  let target: Target | undefined;

  const decide = (): Verdict<Target> => {
    const { model } = form;
    // That it is a good name, where there is one, was seen when it came.
    const rule =
      model === undefined && (forms[operation.form].model || operation.deployment === "body")
        ? brokenModelRule(undefined, placeOf(operation.deployment), head.deployment)
        : undefined;
    if (rule !== undefined) return refuseBody("request_malformed", rule);
    const linesFor = form.lines?.deployment;
    const named = operation.deployment === "path" || model === "" ? undefined : model;
    target = assembleTarget(head, {
      // Wherever the row says that its deployment stands: lines that name one are lines that must be granted.
      deployments: [named, linesFor].filter((name) => name !== undefined),
      objects: [],
      stream: form.stream,
      store: undefined,
      linesFor,
    });
    return allow(target, [traceOf(target)]);
  };

  return {
    push(chunk) {
      const denied = attempt(() => parser.push(chunk));
      if (denied !== undefined) return denied;
      if (target !== undefined) return "more";
      if (form.isSettled) return decide();
      held += chunk.byteLength;
      return held > heldBytes
        ? deny(
            "body_too_large",
            `The form must name its ${forms[operation.form].purpose ? "purpose" : "model"} before a file of this size: only ${heldBytes} bytes can be held.`,
          )
        : "more";
    },
    end() {
      const denied = attempt(() => {
        parser.end();
        form.end();
      });
      if (denied !== undefined) return denied;
      return target === undefined ? decide() : allow(target);
    },
  };
}

/** Reads a whole form at once. */
export function readMultipart(head: RequestHead, body: Uint8Array): Verdict<Target> {
  const reader = startMultipart(head, { heldBytes: body.byteLength });
  const first = reader.push(body);
  if (first !== "more" && !first.allowed) return first;
  const last = reader.end();
  return first !== "more" && last.allowed ? first : last;
}

function attempt(step: () => void): Denied | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof MultipartFault || error instanceof BatchLineFault)
      return refuseBody(error.code, error.message);
    throw error;
  }
}
