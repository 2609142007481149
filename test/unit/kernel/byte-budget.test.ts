import { describe, expect, it } from "vitest";
import { ByteBudget } from "../../../src/kernel/byte-budget.ts";

const budgetOf = (total: number, perOwner: number) => {
  const limits = { total, perOwner };
  const refused: string[] = [];
  return {
    limits,
    refused,
    budget: new ByteBudget(
      () => limits,
      (why) => refused.push(why),
    ),
  };
};

describe("a budget of bytes", () => {
  it("gives to each owner up to its share, and to all together up to the whole", () => {
    const { budget, refused } = budgetOf(25, 10);
    const [a, b, c] = ["a", "b", "c"].map((owner) => budget.open(owner));
    expect(a?.take(10)).toBe("taken");
    expect(a?.take(1)).toBe("owner-full");
    expect(b?.take(10)).toBe("taken");
    expect(c?.take(6)).toBe("full");
    expect(c?.take(5)).toBe("taken");
    expect(refused).toEqual(["owner-full", "full"]);
    expect(budget.held).toBe(25);
  });

  it("counts all that one owner holds, whatever for", () => {
    const { budget } = budgetOf(100, 10);
    expect(budget.open("a").take(8)).toBe("taken");
    expect(budget.open("a").take(8)).toBe("owner-full");
  });

  it("takes back once what was given, and gives it to others", () => {
    const { budget } = budgetOf(10, 10);
    const loan = budget.open("a");
    loan.take(10);
    loan.giveBack();
    loan.giveBack();
    expect(budget.held).toBe(0);
    expect(budget.open("b").take(10)).toBe("taken");
  });

  it("gives nothing on a loan that was given back: nobody would give it back again", () => {
    const { budget } = budgetOf(10, 10);
    const loan = budget.open("a");
    loan.giveBack();
    expect(loan.take(1)).toBe("full");
    expect(budget.held).toBe(0);
  });

  it("follows limits that change", () => {
    const { budget, limits } = budgetOf(10, 10);
    const loan = budget.open("a");
    loan.take(10);
    limits.total = limits.perOwner = 12;
    expect(loan.take(2)).toBe("taken");
    limits.total = limits.perOwner = 5;
    expect(loan.take(1)).toBe("owner-full");
  });
});
