import { describe, expect, it } from "vitest";
import { fieldIn, fileIn, runBatch } from "../../../../../src/dev/azure/openai/batch-run.ts";

const form = Buffer.from(
  `--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
    `--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\ncontent-type: text/plain\r\n\r\n` +
    `one\r\n\r\ntwo\r\n--b--\r\n`,
);

describe("a form that was uploaded", () => {
  it("gives its file's bytes and its fields", () => {
    expect(String(fileIn(form))).toBe("one\r\n\r\ntwo");
    expect(fieldIn(form, "purpose")).toBe("batch");
    expect(fieldIn(form, "model")).toBeUndefined();
  });

  it("is its own content when it is no form", () => {
    expect(String(fileIn(Buffer.from("filename=x")))).toBe("filename=x");
  });
});

describe("a batch's input", () => {
  it("is answered line by line, under the ids of its lines", () => {
    const { output, errors } = runBatch(
      '{"custom_id":"1","body":{"model":"m","messages":[]}}\n\n{"custom_id":"2"}\nx',
    );
    expect(JSON.parse(output)).toMatchObject({
      custom_id: "1",
      response: { status_code: 200, body: { model: "m" } },
    });
    const [second, third] = errors
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(second).toMatchObject({ custom_id: "2", response: { status_code: 400 } });
    expect(third).toMatchObject({ response: { status_code: 400 } });
  });
});
