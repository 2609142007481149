import { describe, expect, it } from "vitest";
import { parseHead } from "../../../../src/target/parse-head.ts";
import { formHeaders } from "../samples.ts";

describe("the type of a form", () => {
  const read = (type: string) =>
    parseHead({ method: "POST", url: "/openai/v1/audio/transcriptions", headers: ["content-type", type] });

  it.each([
    "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
    'Multipart/Form-Data; Boundary="a-b_c.d"',
    "multipart/form-data;boundary=x",
  ])("is taken: %s", (type) => {
    expect(read(type)).toMatchObject({ allowed: true, value: { body: "multipart" } });
  });

  it.each([
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    "multipart/form-data; boundary=a; boundary=b",
    "multipart/form-data; boundary=a b",
    "multipart/form-data; boundary=a; charset=utf-8",
    "multipart/form-data; charset=utf-8; boundary=a",
    'multipart/form-data; boundary="a\\"b"',
    "multipart/form-data; boundary*=utf-8''a",
    `multipart/form-data; boundary=${"a".repeat(71)}`,
    "multipart/mixed; boundary=a",
    "multipart/form-data, application/json; boundary=a",
    "application/json",
    "application/x-www-form-urlencoded",
  ])("is refused: %s", (type) => {
    expect(read(type)).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it("is never a content encoding", () => {
    expect(
      parseHead({
        method: "POST",
        url: "/openai/v1/audio/transcriptions",
        headers: [...formHeaders, "content-encoding", "gzip"],
      }),
    ).toMatchObject({ allowed: false, code: "request_malformed" });
  });
});
