import { describe, expect, it } from "vitest";
import { type ObjectKind, objectKinds } from "../../../src/model/object-kind.ts";
import { notFoundInBackendsWords } from "../../../src/ownership/not-found.ts";

describe("the answer for a missing object", () => {
  it.each(Object.keys(objectKinds) as ObjectKind[])("names the id of a %s and is a 404", (kind) => {
    const answer = notFoundInBackendsWords({ kind, id: "x_1" }, "path");
    expect([answer.status, answer.code]).toEqual([404, null]);
    expect(answer.message).toContain("x_1");
    expect(answer.message).not.toContain("_x");
  });

  it("is the services' own where clients act on it", () => {
    expect(notFoundInBackendsWords({ kind: "response", id: "resp_1" }, "body")).toMatchObject({
      status: 400,
      param: "previous_response_id",
      code: "previous_response_not_found",
    });
  });
});
