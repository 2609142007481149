import { describe, expect, it } from "vitest";
import { JudgedNames } from "../../../src/kernel/judged-names.ts";

/** Remembers what it was asked. */
function startJudge() {
  const asked: string[] = [];
  const judged = new JudgedNames((names) => {
    asked.push(names.join());
    return names.join();
  });
  return { judged, asked };
}

describe("names of headers", () => {
  it("are judged once, whatever their values are", () => {
    const { judged, asked } = startJudge();
    expect([judged.of(["a", "1", "bc", "2"]), judged.of(["a", "3", "bc", ""])]).toEqual(["a,bc", "a,bc"]);
    expect(asked).toEqual(["a,bc"]);
  });

  it.each([
    ["of the same lengths", ["a", "1", "bd", "2"]],
    ["in another spelling", ["A", "1", "bc", "2"]],
    ["in another order", ["bc", "2", "a", "1"]],
    ["with one more", ["a", "1", "bc", "2", "d", "3"]],
    ["with one less", ["a", "1"]],
    ["that stand twice", ["a", "1", "bc", "2", "a", "1"]],
    ["that are none", []],
  ])("that are others are judged anew: %s", (_, headers) => {
    const { judged } = startJudge();
    const others = headers.filter((_name, at) => at % 2 === 0).join();
    for (let round = 0; round < 2; round += 1) {
      expect(judged.of(["a", "1", "bc", "2"])).toBe("a,bc");
      expect(judged.of(headers)).toBe(others);
    }
  });

  it("are each judged as what they are, however many there are", () => {
    const { judged } = startJudge();
    for (let round = 0; round < 2; round += 1)
      for (let at = 0; at < 2000; at += 1) expect(judged.of([`x-${at}`, "1"])).toBe(`x-${at}`);
  });
});
