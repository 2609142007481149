import { describe, expect, it } from "vitest";
import { JsonFault, scanJsonObject } from "../../../src/target/json-scan.ts";

/** The values of one object, as text; or the rule that it breaks. */
function valuesIn(json: string): string | readonly string[] {
  const bytes = Buffer.from(json);
  const values: string[] = [];
  try {
    scanJsonObject(bytes, {
      key() {},
      value: (_kind, start, end, plain) =>
        void values.push(`${bytes.toString("utf8", start, end)}${plain ? "" : " (escaped)"}`),
      close() {},
    });
  } catch (fault) {
    if (fault instanceof JsonFault) return fault.message;
    throw fault;
  }
  return values;
}

// Strings are read four bytes a step: what is special must be seen wherever it stands.
describe.each(Array.from({ length: 10 }, (_, before) => before))("a string, behind %i bytes", (before) => {
  const lead = "x".repeat(before);

  it.each([0, 1, 2, 3, 4, 5, 9])("ends at its quote, %i bytes before the body's end", (after) => {
    const json = `{"a":"${lead}"}${" ".repeat(after)}`;
    expect(valuesIn(json)).toEqual(["{", lead]);
  });

  it.each(["\\n", '\\"', "\\\\", "\\u00e9"])("goes on behind the escape %s", (escape) => {
    const text = `${lead}${escape}tail`;
    expect(valuesIn(`{"a":"${text}","b":1}`)).toEqual(["{", `${text} (escaped)`, "1"]);
  });

  it("takes all other characters as they are", () => {
    const text = `${lead} !#[]^~\u007f\u00e9\u2028\u{1f600}`;
    expect(valuesIn(`{"a":"${text}"}`)).toEqual(["{", text]);
  });

  it.each(Array.from({ length: 0x20 }, (_, code) => code))(
    "may not hold the control character %i",
    (code) => {
      const json = `{"a":"${lead}${String.fromCharCode(code)}tail"}`;
      expect(valuesIn(json)).toBe("a string holds a control character");
    },
  );

  it("may not break off", () => {
    expect(valuesIn(`{"a":"${lead}`)).toBe("the body ends inside a string");
  });
});
