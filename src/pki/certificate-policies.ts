import type { Certificate } from "./certificate.ts";
import { oid } from "./object-identifiers.ts";
import type { PathRules } from "./path-rules.ts";

/** A node of the policy graph: a policy that is valid down to this depth, by way of its parents. */
interface PolicyNode {
  readonly policy: string;
  /** Which policies one level below are this one (RFC 5280 6.1.2(a)). */
  expected: ReadonlySet<string>;
  readonly parents: readonly PolicyNode[];
}
type Level = Map<string, PolicyNode>;

/**
 * Processes certificate policies along a path (RFC 5280 6.1 with RFC 9618's graph in place of the tree: one node a
 * policy and depth, so the work is linear in the extensions' size where the tree was exponential).
 *
 * The anchor takes part where it has policy extensions, which can only tighten the result (RFC 5937 3.2); an anchor
 * without any stands for anyPolicy.
 *
 * @param path anchor first, leaf last
 * @returns a sentence about `certificate` where no acceptable policy is left, or undefined
 */
export function checkPolicies(
  path: readonly Certificate[],
  inputs: PathRules["policies"],
): { readonly certificate: Certificate; readonly detail: string } | undefined {
  const [anchor, leaf] = [path[0] as Certificate, path.at(-1) as Certificate];
  // RFC 5280 6.1.2 (d) to (f): certificates until the rule holds; n + 1 is never.
  const state: Counters = {
    explicit: inputs.explicit === "required" ? 0 : path.length,
    mapping: inputs.mapping === "inhibited" ? 0 : path.length,
    anyPolicy: inputs.anyPolicy === "inhibited" ? 0 : path.length,
  };
  let level: Level | undefined = new Map([
    [oid.anyPolicy, { policy: oid.anyPolicy, expected: new Set([oid.anyPolicy]), parents: [] }],
  ]);

  for (const certificate of path) {
    const { certificatePolicies, policyMappings = [] } = certificate.known;
    if (certificate !== anchor || certificatePolicies !== undefined) {
      // 6.1.3 (d), (e)
      const anyAllowed = state.anyPolicy > 0 || (certificate !== leaf && certificate.isSelfIssued);
      level = level && certificatePolicies && nextLevel(level, certificatePolicies.policies, anyAllowed);
    }
    // 6.1.3 (f)
    if (state.explicit === 0 && level === undefined)
      return { certificate, detail: "a certificate policy is required, and none is valid for the path" };
    if (certificate === leaf) break;

    // 6.1.4 (a), (b)
    if (
      policyMappings.some(
        (m) => m.issuerDomainPolicy === oid.anyPolicy || m.subjectDomainPolicy === oid.anyPolicy,
      )
    )
      return { certificate, detail: "its policyMappings map from or to anyPolicy" };
    level = level && applyMappings(level, policyMappings, state.mapping > 0);
    // 6.1.4 (h)
    if (certificate !== anchor && !certificate.isSelfIssued)
      for (const counter of ["explicit", "mapping", "anyPolicy"] as const)
        state[counter] = Math.max(0, state[counter] - 1);
    tighten(state, certificate);
  }

  // 6.1.5 (a), (b), (g)
  const explicit =
    leaf.known.policyConstraints?.requireExplicitPolicy === 0 ? 0 : Math.max(0, state.explicit - 1);
  if (explicit > 0 || (level !== undefined && intersects(level, new Set(inputs.initial)))) return undefined;
  return { certificate: leaf, detail: "none of its certificate policies is acceptable for the path" };
}

interface Counters {
  explicit: number;
  mapping: number;
  anyPolicy: number;
}

/** 6.1.4 (i) and (j). */
function tighten(state: Counters, { known }: Certificate): void {
  state.explicit = Math.min(state.explicit, known.policyConstraints?.requireExplicitPolicy ?? Infinity);
  state.mapping = Math.min(state.mapping, known.policyConstraints?.inhibitPolicyMapping ?? Infinity);
  state.anyPolicy = Math.min(state.anyPolicy, known.inhibitAnyPolicy ?? Infinity);
}

/** 6.1.3 (d)(1) and (2) as RFC 9618 rewrites it: the nodes one level down. Undefined for NULL. */
function nextLevel(level: Level, policies: readonly string[], anyAllowed: boolean): Level | undefined {
  const expecting = new Map<string, PolicyNode[]>();
  for (const node of level.values())
    for (const policy of node.expected) {
      const nodes = expecting.get(policy);
      if (nodes === undefined) expecting.set(policy, [node]);
      else nodes.push(node);
    }
  const next: Level = new Map();
  const add = (policy: string, parents: readonly PolicyNode[]) =>
    next.set(policy, { policy, expected: new Set([policy]), parents });
  const any = level.get(oid.anyPolicy);
  for (const policy of policies) {
    if (policy === oid.anyPolicy) continue;
    const parents = expecting.get(policy);
    if (parents !== undefined) add(policy, parents);
    else if (any !== undefined) add(policy, [any]);
  }
  if (anyAllowed && policies.includes(oid.anyPolicy))
    for (const [policy, parents] of expecting) if (!next.has(policy)) add(policy, parents);
  return next.size === 0 ? undefined : next;
}

/** 6.1.4 (b) as RFC 9618 rewrites it. */
function applyMappings(
  level: Level,
  mappings: readonly { readonly issuerDomainPolicy: string; readonly subjectDomainPolicy: string }[],
  allowed: boolean,
): Level | undefined {
  if (mappings.length === 0) return level;
  const bySource = Map.groupBy(mappings, (mapping) => mapping.issuerDomainPolicy);
  const any = level.get(oid.anyPolicy);
  for (const [policy, targets] of bySource) {
    if (!allowed) {
      level.delete(policy);
      continue;
    }
    const expected = new Set(targets.map((mapping) => mapping.subjectDomainPolicy));
    const node = level.get(policy);
    if (node !== undefined) node.expected = expected;
    else if (any !== undefined) level.set(policy, { policy, expected, parents: any.parents });
  }
  return level.size === 0 ? undefined : level;
}

/**
 * 6.1.5 (g) as RFC 9618 rewrites it: whether a policy that the path was issued under (a node below an anyPolicy node, with a
 * descendant at the leaf) is one of the initial policies.
 */
function intersects(leafLevel: Level, initial: ReadonlySet<string>): boolean {
  if (initial.has(oid.anyPolicy)) return true;
  // anyPolicy down to the leaf: whatever was asked for is granted.
  if (leafLevel.has(oid.anyPolicy)) return true;
  const pending = [...leafLevel.values()];
  const seen = new Set<PolicyNode>(pending);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const granted = node.parents.some((parent) => parent.policy === oid.anyPolicy);
    if (granted && initial.has(node.policy)) return true;
    for (const parent of node.parents)
      if (!seen.has(parent)) {
        seen.add(parent);
        pending.push(parent);
      }
  }
  return false;
}
