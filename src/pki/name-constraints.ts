import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import type { GeneralSubtrees } from "./extensions.ts";
import type { GeneralName, GeneralNameKind } from "./general-name.ts";
import { emailAttributes } from "./name.ts";
import { comparableName, relate, type Subtree, subtreeOf } from "./name-subtree.ts";
import { oid } from "./object-identifiers.ts";
import { shownName } from "./path-failure.ts";

/** A sentence about a certificate whose name, or whose constraints, refuse the path. */
export interface NameOffence {
  readonly certificate: Certificate;
  readonly detail: string;
}

/**
 * Applies every CA's nameConstraints to every certificate below it (RFC 5280 6.1.3 (b), (c), 6.1.4 (g)). Asking each
 * CA in turn is the intersection of permitted and the union of excluded subtrees without computing either.
 *
 * Fails closed: a malformed name or subtree, and a constraint on a form that is not understood (otherName, x400, EDI,
 * registeredID) that meets a name of that form, refuse the path.
 *
 * @param path anchor first, leaf last
 */
export function checkNameConstraints(path: readonly Certificate[], budget: Budget): NameOffence | undefined {
  const leaf = path.at(-1) as Certificate;
  for (const [index, authority] of path.entries()) {
    // 6.1.4: the leaf's own constraints constrain nobody.
    if (authority.known.nameConstraints === undefined || authority === leaf) continue;
    const constraints = prepare(authority.known.nameConstraints);
    if (constraints === undefined)
      return { certificate: authority, detail: "its nameConstraints hold a malformed subtree" };
    for (const certificate of path.slice(index + 1)) {
      // 6.1.3 (b): self-issued certificates are exempt, the last one is not.
      if (certificate.isSelfIssued && certificate !== leaf) continue;
      for (const name of namesOf(certificate)) {
        const relevant = constraints.get(constrainedKind(name));
        if (relevant === undefined) continue;
        if (!budget.spend("nameComparisons", relevant.permitted.length + relevant.excluded.length))
          return {
            certificate,
            detail: "it has too many names to compare with its issuers' nameConstraints",
          };
        const detail = offenceOf(name, relevant);
        if (detail !== undefined) return { certificate, detail };
      }
    }
  }
  return undefined;
}

/** The subtrees that speak about one kind of name. */
interface KindConstraints {
  readonly permitted: (Subtree | "unsupported")[];
  readonly excluded: (Subtree | "unsupported")[];
}

function prepare(constraints: GeneralSubtrees): Map<GeneralNameKind, KindConstraints> | undefined {
  const byKind = new Map<GeneralNameKind, KindConstraints>();
  for (const list of ["permitted", "excluded"] as const)
    for (const base of constraints[list]) {
      const subtree = subtreeOf(base);
      if (subtree === undefined) return undefined;
      const same = byKind.get(base.kind) ?? { permitted: [], excluded: [] };
      same[list].push(subtree);
      byKind.set(base.kind, same);
    }
  return byKind;
}

/** Everything in a certificate that constraints apply to: subject, subjectAltName, and e-mail addresses in the subject. */
function* namesOf({ subject, known }: Certificate): Generator<GeneralName> {
  if (!subject.isEmpty) yield { kind: "directory", value: subject };
  const alternative = known.subjectAltName ?? [];
  yield* alternative;
  // RFC 5280 4.2.1.10 asks for the subject's e-mail addresses where there is no subjectAltName; one without an
  // e-mail address in it must not serve to smuggle one past the constraint.
  if (!alternative.some((name) => name.kind === "email"))
    for (const value of emailAttributes(subject)) yield { kind: "email", value };
}

/** Constraints on e-mail addresses also bind their international variant, which is an otherName (RFC 9598 6). */
const constrainedKind = (name: GeneralName): GeneralNameKind =>
  name.kind === "other" && name.type === oid.smtpUtf8Mailbox ? "email" : name.kind;

function offenceOf(name: GeneralName, { permitted, excluded }: KindConstraints): string | undefined {
  const comparable = comparableName(name);
  if (comparable === undefined)
    return `${describe(name)} cannot be compared with the nameConstraints of a CA above it`;
  for (const subtree of excluded)
    if (subtree === "unsupported" || relate(comparable, subtree) !== "outside")
      return `${describe(name)} lies in a subtree that a CA above it excludes`;
  if (permitted.length === 0) return undefined;
  return permitted.some((subtree) => subtree !== "unsupported" && relate(comparable, subtree) === "within")
    ? undefined
    : `${describe(name)} lies outside the subtrees that a CA above it permits`;
}

function describe(name: GeneralName): string {
  switch (name.kind) {
    case "dns":
    case "email":
    case "uri":
      return `its ${name.kind} name ${JSON.stringify(name.value.slice(0, 100))}`;
    case "directory":
      return `its name ${shownName(name.value)}`;
    default:
      return `its ${name.kind} name`;
  }
}
