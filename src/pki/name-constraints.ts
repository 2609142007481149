import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import type { GeneralSubtrees } from "./extensions.ts";
import type { GeneralName } from "./general-name.ts";
import { emailAttributes } from "./name.ts";
import { isWellFormedSubtree, relate } from "./name-subtree.ts";
import { oid } from "./object-identifiers.ts";

/**
 * Applies every CA's nameConstraints to every certificate below it (RFC 5280 6.1.3 (b), (c), 6.1.4 (g)). Asking each
 * CA in turn is the intersection of permitted and the union of excluded subtrees without computing either.
 *
 * Fails closed: a malformed name or subtree, and a constraint on a form that is not understood (otherName, x400, EDI,
 * registeredID) that meets a name of that form, refuse the path.
 *
 * @param path anchor first, leaf last
 * @returns a sentence about `certificate`, or undefined
 */
export function checkNameConstraints(
  path: readonly Certificate[],
  budget: Budget,
): { readonly certificate: Certificate; readonly detail: string } | undefined {
  for (const [index, authority] of path.entries()) {
    const constraints = authority.known.nameConstraints;
    // 6.1.4: the leaf's own constraints constrain nobody.
    if (constraints === undefined || index === path.length - 1) continue;
    if (![...constraints.permitted, ...constraints.excluded].every(isWellFormedSubtree))
      return { certificate: authority, detail: "its nameConstraints hold a malformed subtree" };
    for (const [below, certificate] of path.entries()) {
      if (below <= index) continue;
      // 6.1.3 (b): self-issued certificates are exempt, the last one is not.
      if (certificate.isSelfIssued && below < path.length - 1) continue;
      const names = namesOf(certificate);
      const subtrees = constraints.permitted.length + constraints.excluded.length;
      if (!budget.spend("nameComparisons", names.length * subtrees))
        return {
          certificate,
          detail: "it has more names than its issuers' nameConstraints can be compared with",
        };
      const offence = names.map((name) => offenceOf(name, constraints)).find((found) => found !== undefined);
      if (offence !== undefined) return { certificate, detail: offence };
    }
  }
  return undefined;
}

/** Everything in a certificate that constraints apply to: subject, subjectAltName, and e-mail addresses in the subject. */
function namesOf({ subject, known }: Certificate): readonly GeneralName[] {
  const alternative = known.subjectAltName ?? [];
  // RFC 5280 4.2.1.10 asks for the subject's e-mail addresses where there is no subjectAltName; one without an
  // e-mail address in it must not serve to smuggle one past the constraint.
  const emails = alternative.some((name) => name.kind === "email") ? [] : emailAttributes(subject);
  return [
    ...(subject.isEmpty ? [] : [{ kind: "directory" as const, value: subject }]),
    ...alternative,
    ...emails.map((value) => ({ kind: "email" as const, value })),
  ];
}

function offenceOf(name: GeneralName, { permitted, excluded }: GeneralSubtrees): string | undefined {
  const what = describe(name);
  for (const subtree of excluded) {
    if (!meets(name, subtree)) continue;
    const relation = relate(name, subtree);
    if (relation === "malformed") return `${what} cannot be compared with an excluded subtree above it`;
    if (relation !== "outside") return `${what} lies in a subtree that a CA above it excludes`;
  }
  let constrained = false;
  for (const subtree of permitted) {
    if (!meets(name, subtree)) continue;
    constrained = true;
    const relation = relate(name, subtree);
    if (relation === "malformed") return `${what} cannot be compared with a permitted subtree above it`;
    if (relation === "within") return undefined;
  }
  return constrained ? `${what} lies outside the subtrees that a CA above it permits` : undefined;
}

/** A subtree says something about names of its own form; the e-mail form's international variant is one of it (RFC 9598). */
const meets = (name: GeneralName, subtree: GeneralName): boolean =>
  name.kind === subtree.kind ||
  (subtree.kind === "email" && name.kind === "other" && name.type === oid.smtpUtf8Mailbox);

function describe(name: GeneralName): string {
  switch (name.kind) {
    case "dns":
    case "email":
    case "uri":
      return `its ${name.kind} name ${JSON.stringify(name.value.slice(0, 100))}`;
    case "directory":
      return `its name ${name.value.text.slice(0, 200)}`;
    default:
      return `its ${name.kind} name`;
  }
}
