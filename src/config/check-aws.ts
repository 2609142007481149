import { at, entries, type Loose, text } from "./loose.ts";
import type { Report } from "./problem.ts";

/** Signatures are made over whole bodies and for one region; a token of Azure's is nobody's business at AWS. */
export function checkAws(root: Loose, report: Report): void {
  const typeOf = (node: Loose) =>
    text(at(root, "credentials", text(at(node, "credential")) ?? "", "type")) ?? "";
  const isBedrock = (node: Loose) => text(at(node, "kind")) === "bedrock";

  for (const [, backend] of entries(at(root, "backends"))) {
    const type = typeOf(backend);
    const place = at(backend, "credential").path;
    if (isBedrock(backend) && !["", "aws", "aws-bearer", "none"].includes(type))
      report(
        place,
        `is of type ${type}, and this backend is of kind bedrock: it would be sent to AWS, which does not take it`,
        "Use a credential of type aws or aws-bearer.",
      );
    if (!isBedrock(backend) && type.startsWith("aws"))
      report(
        place,
        `is of type ${type}, which is for backends of kind bedrock only`,
        "Add `kind: bedrock` and a `region` to the backend, or use another credential.",
      );
  }
  for (const [, route] of entries(at(root, "routes"))) {
    const backend = at(root, "backends", text(at(route, "backend")) ?? "");
    if (isBedrock(backend))
      report(
        at(route, "backend").path,
        "is of kind bedrock: what a route pipes through is not seen whole, and so it cannot be signed",
        "Reach it through deployments.",
      );
  }
  for (const [, vault] of entries(at(root, "keyVaults"))) {
    const type = typeOf(vault);
    if (type.startsWith("aws"))
      report(
        at(vault, "credential").path,
        `is of type ${type}, and a Key Vault takes tokens of Entra's only`,
        "Use a credential such as managed-identity.",
      );
  }
}
