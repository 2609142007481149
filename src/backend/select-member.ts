/** What selection looks at. */
export interface Selectable {
  /** The smallest number goes first. */
  readonly priority: number;
  /** Greater than 0. */
  readonly weight: number;
  /** In (0, 1]: the part of its weight that counts now. */
  readonly share: number;
  /** Requests under way. */
  readonly outstanding: number;
}

export type Selection = "weighted" | "least-outstanding";

/** One of the best group of those that may be used; undefined where there is none. */
export function selectMember<M extends Selectable>(
  usable: readonly M[],
  selection: Selection,
  random: () => number,
): M | undefined {
  const first = Math.min(...usable.map(({ priority }) => priority));
  const group = usable.filter(({ priority }) => priority === first);
  if (group.length < 2) return group[0];
  return selection === "weighted" ? byWeight(group, random) : byLoad(group, random);
}

function byWeight<M extends Selectable>(group: readonly M[], random: () => number): M | undefined {
  const total = group.reduce((sum, { weight, share }) => sum + weight * share, 0);
  let left = random() * total;
  for (const member of group) {
    left -= member.weight * member.share;
    if (left < 0) return member;
  }
  // A sum of fractions may end above the point that was drawn.
  return group.at(-1);
}

function byLoad<M extends Selectable>(group: readonly M[], random: () => number): M | undefined {
  const load = ({ outstanding, weight, share }: M) => (outstanding + 1) / (weight * share);
  const least = Math.min(...group.map(load));
  return byWeight(
    group.filter((member) => load(member) === least),
    random,
  );
}
