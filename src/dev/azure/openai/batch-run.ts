import { randomUUID } from "node:crypto";

/** What a batch leaves behind: the lines of its two files. */
export interface BatchRun {
  readonly output: string;
  readonly errors: string;
}

interface Line {
  readonly custom_id?: unknown;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Runs a batch's input at once. A line without anything to answer fails by itself, as on Azure. */
export function runBatch(input: string): BatchRun {
  const output: string[] = [];
  const errors: string[] = [];
  for (const text of input.split("\n")) {
    if (text.trim() === "") continue;
    const { custom_id, body = {} } = parsed(text);
    const asks = ["messages", "input", "prompt"].some((name) => Object.hasOwn(body, name));
    const answer = asks
      ? { object: "chat.completion", model: body["model"] }
      : { error: { code: "BadRequest", message: "The line asks for nothing." } };
    const response = { status_code: asks ? 200 : 400, request_id: randomUUID(), body: answer };
    const line = JSON.stringify({ id: `batch_req_${randomUUID()}`, custom_id, response, error: null });
    (asks ? output : errors).push(`${line}\n`);
  }
  return { output: output.join(""), errors: errors.join("") };
}

/** The content of a form's file; the whole of what is no form. */
export function fileIn(raw: Buffer): Buffer {
  const named = raw.indexOf("filename=");
  const boundary = raw.subarray(0, raw.indexOf("\r\n"));
  if (named === -1 || !boundary.toString("latin1").startsWith("--")) return raw;
  const from = raw.indexOf("\r\n\r\n", named) + 4;
  const end = raw.indexOf(Buffer.concat([Buffer.from("\r\n"), boundary]), from);
  return raw.subarray(from, end === -1 ? undefined : end);
}

/** The value of a form's plain field. */
export const fieldIn = (raw: Buffer, name: string): string | undefined =>
  new RegExp(`name="${name}"\\r\\n\\r\\n([^\\r\\n]*)`).exec(raw.toString("latin1"))?.[1];

function parsed(text: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null ? line : {};
  } catch {
    // Then it asks for nothing, and its answer says so.
    return {};
  }
}
