import { at, isNothing, type Loose, text } from "./loose.ts";
import type { Report } from "./problem.ts";

/** What the options of `trust.revocation` say together: an option that would do nothing is a misunderstanding. */
export function checkRevocation(root: Loose, report: Report): void {
  const trust = at(root, "trust");
  if (typeof trust.value !== "object" || trust.value === null) return;
  const revocation = at(trust, "revocation");
  const mode = at(revocation, "mode").value ?? "hard";
  if (mode === "off") checkNothingIsAsked(revocation, report);
  else if (mode === "hard" || mode === "soft") {
    checkSomethingIsAsked(revocation, mode, report);
    checkAges(revocation, mode, report);
  }
}

const asksOcsp = (revocation: Loose): boolean =>
  ["before-crl", "after-crl"].includes(text(at(revocation, "ocsp", "mode")) ?? "");

function checkSomethingIsAsked(revocation: Loose, mode: "hard" | "soft", report: Report): void {
  const points = at(revocation, "distributionPoints", "enabled");
  if (!asksOcsp(revocation) && points.value !== true && isNothing(at(revocation, "crls")))
    report(
      [...revocation.path, "crls"],
      `is empty, and revocation is \`${mode}\`: every client would be refused`,
      "List a CRL of each CA below the anchors, or write `mode: off` if nobody can be revoked.",
    );
}

function checkNothingIsAsked(revocation: Loose, report: Report): void {
  const ocsp = at(revocation, "ocsp", "mode");
  if (asksOcsp(revocation))
    report(
      ocsp.path,
      `is \`${text(ocsp)}\`, and revocation is \`off\`: nobody would be asked`,
      "Write `off` here too, or `mode: hard` above it.",
    );
  const points = at(revocation, "distributionPoints", "enabled");
  if (points.value === true)
    report(
      points.path,
      "is `true`, and revocation is `off`: nothing would be fetched",
      "Remove it, or write `mode: hard` above it.",
    );
}

function checkAges(revocation: Loose, mode: "hard" | "soft", report: Report): void {
  const grace = at(revocation, "graceSeconds");
  if (mode === "hard" && !isNothing(grace))
    report(
      grace.path,
      "counts with `mode: soft` only, and revocation is `hard`",
      "Remove it, or write `mode: soft` if a CRL may be used after its end.",
    );
  if (mode === "soft" && isNothing(grace))
    report(
      grace.path,
      "is missing: `mode: soft` needs to know for how long a CRL may be used after its end",
      "Write how many seconds a late CRL may cost you at most, or `mode: hard`.",
    );
  const endless = at(revocation, "crlWithoutNextUpdate");
  if (endless.value === "accept" && isNothing(at(revocation, "maxCrlAgeSeconds")))
    report(
      endless.path,
      "is `accept` without `maxCrlAgeSeconds`: such a CRL would count for ever, and could be replayed for ever",
      "Add `maxCrlAgeSeconds`.",
    );
  for (const option of ["allowPrivateAddresses", "timeoutSeconds", "maxBytes"]) {
    const node = at(revocation, "distributionPoints", option);
    if (!isNothing(node) && at(revocation, "distributionPoints", "enabled").value !== true)
      report(node.path, "does nothing while `enabled` is not `true`", "Remove it, or add `enabled: true`.");
  }
}
