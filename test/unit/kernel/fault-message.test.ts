import { describe, expect, it } from "vitest";
import { describeFault, GatewayError } from "../../../src/kernel/errors.ts";
import { fromFaultMessage, toFaultMessage } from "../../../src/kernel/fault-message.ts";

const sent = (fault: unknown) => fromFaultMessage(structuredClone(toFaultMessage(fault)));

describe("a fault on its way to another process", () => {
  it.each([
    ["a plain error", new Error("one")],
    ["causes in a row", new Error("one", { cause: new Error("two", { cause: "three" }) })],
    ["several at once", new Error("one", { cause: new AggregateError([new Error("a"), new Error("b")]) })],
    ["what is no error", "a text"],
    ["a gateway's", new GatewayError("trust_unavailable", "one", { cause: new Error("two") })],
  ])("says the same: %s", (_what, fault) => {
    expect(describeFault(sent(fault))).toBe(describeFault(fault));
  });

  it("keeps code and retry time", () => {
    const fault = new GatewayError("credential_unavailable", "one", { retryAfterSeconds: 3 });
    expect(sent(fault)).toBeInstanceOf(GatewayError);
    expect(sent(fault)).toMatchObject({ code: "credential_unavailable", retryAfterSeconds: 3 });
    expect(sent(new GatewayError("internal_error", "one"))).toMatchObject({ retryAfterSeconds: undefined });
  });

  it("takes a code that this version does not know for a plain fault", () => {
    const message = { sentence: "one", code: "toString" } as unknown as Parameters<
      typeof fromFaultMessage
    >[0];
    expect(fromFaultMessage(message)).not.toBeInstanceOf(GatewayError);
    expect(fromFaultMessage(message).message).toBe("one");
  });
});
