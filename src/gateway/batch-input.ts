import type { Grant } from "../model/grant.ts";
import type { NamedObject } from "../model/object-kind.ts";
import type { Target } from "../model/target.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import type { Clock } from "../kernel/clock.ts";
import { claimsFor } from "../ownership/claims-for.ts";
import type { SeenObject } from "../ownership/ids-in-answer.ts";
import type { DaysKept } from "../ownership/object-lifetimes.ts";
import type { OwnershipStore, StoredObject } from "../ownership/ownership-store.ts";

/** The entry in which the lines of a file "belong" to the deployment that they name. */
export const linesOf = ({ kind, id, backend }: StoredObject): readonly StoredObject[] =>
  kind === "file" ? [{ kind: "batch_input", id, backend }] : [];

/**
 * Remembers which deployment the lines of an uploaded file name.
 * @throws GatewayError `ownership_unavailable`: then nobody may be told of the file
 */
export async function claimLines(
  deployment: string,
  seen: readonly SeenObject[],
  backend: string,
  book: { readonly store: OwnershipStore; readonly daysKept: DaysKept; readonly clock: Clock },
): Promise<void> {
  const files = seen.filter(({ kind }) => kind === "file");
  const claims = claimsFor(files, backend, book).map(({ object, expiresAt }) => ({
    object: { ...object, kind: "batch_input" as const },
    expiresAt,
  }));
  await book.store.claim(claims, deployment);
}

/** What the answer about a batch's input rests on, beside the client's rights. */
export interface InputFacts {
  readonly store: OwnershipStore;
  /** Names of all backends: where a file lies is not known yet. */
  readonly backends: readonly string[];
  /** Whether a deployment lives on a backend, under the name that it has here. Lines cannot be renamed. */
  readonly isCalledSoAt: (deployment: string, backend: string) => boolean;
}

/**
 * A batch asks on the deployment that its file names, line by line: that one must be granted now, as if the batch named
 * it itself. A file whose lines were not read is no input: it could name any deployment.
 * A file that is not the client's passes here, and is not found in the stage that asks whose it is.
 * @param mayOn decides the same request on a target that names more
 * @throws GatewayError `ownership_unavailable`
 */
export function grantBatchInputs(
  grant: Pick<Grant, "client" | "target">,
  facts: () => InputFacts,
  mayOn: (target: Target) => Verdict<Grant>,
): Verdict<undefined> | Promise<Verdict<undefined>> {
  const inputs = grant.target.objects.filter(({ kind }) => kind === "batch_input");
  return inputs.length === 0 ? allow(undefined) : grantLines(grant, inputs, facts(), mayOn);
}

async function grantLines(
  { client, target }: Pick<Grant, "client" | "target">,
  inputs: readonly NamedObject[],
  facts: InputFacts,
  mayOn: (target: Target) => Verdict<Grant>,
): Promise<Verdict<undefined>> {
  const named: string[] = [];
  for (const input of inputs)
    for (const { backend, deployment } of await linesAt(input, client, facts)) {
      if (deployment === undefined) return refuse("operation_not_permitted", unread);
      if (!facts.isCalledSoAt(deployment, backend)) return refuse("deployment_not_permitted", moved);
      named.push(deployment);
    }
  const { deployments } = target;
  const verdict = mayOn({ ...target, deployments: [...new Set([...deployments, ...named])] });
  return verdict.allowed ? allow(undefined, verdict.trace) : verdict;
}

/** For each backend on which the file is the client's: the deployment of its lines, where they were read. */
async function linesAt(
  { id }: NamedObject,
  client: string,
  { store, backends }: InputFacts,
): Promise<readonly { readonly backend: string; readonly deployment: string | undefined }[]> {
  const owners = await store.ownersOf(
    backends.flatMap((backend) => [
      { kind: "file" as const, id, backend },
      { kind: "batch_input" as const, id, backend },
    ]),
  );
  return backends.flatMap((backend, at) =>
    owners[2 * at] === client ? [{ backend, deployment: owners[2 * at + 1] }] : [],
  );
}

const unread =
  "The file's lines were not read when it came: upload it with the purpose batch, or have the operator switch uninspected-batches on.";
const moved = "The deployment that the file's lines name does not lie where the file does, under this name.";

const refuse = (code: "operation_not_permitted" | "deployment_not_permitted", detail: string): Denied =>
  deny(code, detail, [{ check: "batch-input", outcome: "fail", detail }]);
