import { describe, expect, it } from "vitest";
import { readFrameTarget } from "../../../src/target/frame-target.ts";
import { parseHead } from "../../../src/target/parse-head.ts";

function headOf(url: string, headers: readonly string[] = []) {
  const head = parseHead({ method: "GET", url, headers: ["upgrade", "websocket", ...headers] });
  if (!head.allowed) throw new Error(head.detail);
  return head.value;
}
const read = (url: string, message: object, headers: readonly string[] = []) =>
  readFrameTarget(headOf(url, headers), Buffer.from(JSON.stringify(message)));

describe("the target of a message", () => {
  it("names the session's deployment and its own", () => {
    const message = { type: "session.update", session: { input_audio_transcription: { model: "whisper" } } };
    expect(read("/openai/v1/realtime?model=rt", message)).toMatchObject({
      value: { operation: "realtime", group: "realtime", deployments: ["rt", "whisper"] },
    });
  });

  it.each([
    [{}, "response"],
    [{ store: true }, "response"],
    [{ store: false }, undefined],
  ])("of the Responses API is that of a request: %j makes %s", (rest, creates) => {
    const verdict = read("/openai/v1/responses", { type: "response.create", model: "m", ...rest });
    expect(verdict).toMatchObject({ value: { operation: "responses", deployments: ["m"] } });
    expect(verdict.allowed && verdict.value.creates).toBe(creates);
  });

  it("names the deployment that draws images, which the upgrade named", () => {
    const header = ["x-ms-oai-image-generation-deployment", "draw"];
    const message = { type: "response.create", model: "m", tools: [{ type: "image_generation" }] };
    expect(read("/openai/v1/responses", message, header)).toMatchObject({
      value: { deployments: ["m", "draw"] },
    });
  });

  it("is denied where the message is", () => {
    expect(read("/openai/v1/responses", { type: "response.create" })).toMatchObject({ allowed: false });
  });
});
