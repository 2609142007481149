// The walker is deprecated, and still what dependency-cruiser 18 uses.
/* oxlint-disable typescript/no-deprecated */
import { Visitor } from "@swc/core/Visitor.js";
import type { Statement, VariableDeclarator } from "@swc/types";

/**
 * swc parses `using` and `await using`, but the walker over its tree, which dependency-cruiser builds on, throws at
 * them ("Unknown statement type: UsingDeclaration", @swc/core 1.16). They are visited like `const`.
 */
export function teachVisitorUsing(): void {
  // Taken off the prototype to be called on `this` below, so nothing is lost by it being unbound here.
  // oxlint-disable-next-line typescript/unbound-method
  const visitKnown = Visitor.prototype.visitStatement;
  Visitor.prototype.visitStatement = function visitStatement(this: Visitor, statement: Statement): Statement {
    if (!isUsing(statement)) return visitKnown.call(this, statement);
    this.visitVariableDeclarators(statement.decls);
    return statement;
  };
}

const isUsing = (statement: { type: string }): statement is Statement & { decls: VariableDeclarator[] } =>
  statement.type === "UsingDeclaration";
