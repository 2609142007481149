import { expect, it } from "vitest";
import { formatExplanation } from "../../../src/cli/explain-report.ts";
import { deny } from "../../../src/model/verdict.ts";

it("an explanation that allows is a tree that ends with that word", () => {
  const text = formatExplanation({
    stages: [
      {
        stage: "caller",
        outcome: "pass",
        trace: [
          {
            check: "validity",
            outcome: "pass",
            detail: "valid now",
            certificate: "CN=a",
            rfc: "RFC 5280 6.1.3",
          },
          { check: "candidates", outcome: "info", detail: "one was left out" },
        ],
      },
    ],
  });
  expect(text).toBe(`[+] caller
    + validity               CN=a: valid now  (RFC 5280 6.1.3)
    - candidates             one was left out

allowed
`);
});

it("an explanation that denies names the code, its status, and what the caller would be told", () => {
  const text = formatExplanation({
    stages: [
      { stage: "caller", outcome: "fail", trace: [{ check: "crl", outcome: "fail", detail: "listed" }] },
      { stage: "target", outcome: "not reached", trace: [] },
    ],
    denied: deny("client_certificate_revoked", "It is on the list."),
  });
  expect(text).toBe(`[x] caller
    x crl                    listed
[ ] target (not reached)

denied: client_certificate_revoked (HTTP 401)
The client certificate, or a CA above it, has been revoked. It is on the list.
`);
});
