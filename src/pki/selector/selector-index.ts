import type { Selector } from "./read-selector.ts";
import type { SelectorPart } from "./selector-part.ts";
import type { SelectorView } from "./selector-view.ts";

/** The rules that look at the same fields in the same forms, by their joined values. */
interface Shape<Owner> {
  readonly parts: readonly Omit<SelectorPart, "value">[];
  readonly rules: Map<string, Owner | Owner[]>;
}

/** Looking up one certificate never takes more steps than this; see `find`. */
const mostProbes = 10_000;
/** Each shape costs every lookup at least one step. */
const mostShapes = 500;

/**
 * Which rules hold for a certificate, without looking at the others: rules of the same shape share a hash table, and a
 * lookup makes one step for each shape and each combination of the certificate's own values. The number of rules does
 * not matter.
 */
export class SelectorIndex<Owner extends object> {
  readonly #shapes = new Map<string, Shape<Owner>>();

  get isEmpty(): boolean {
    return this.#shapes.size === 0;
  }

  /** @returns false when there are too many shapes; then the rule is not in the index */
  add(selector: Selector, owner: Owner): boolean {
    const name = selector.map(({ field, form }) => `${field} ${form}`).join("\n");
    let shape = this.#shapes.get(name);
    if (shape === undefined) {
      if (this.#shapes.size >= mostShapes) return false;
      shape = { parts: selector.map(({ field, form }) => ({ field, form })), rules: new Map() };
      this.#shapes.set(name, shape);
    }
    const key = join(selector.map(({ value }) => value));
    const there = shape.rules.get(key);
    if (there === undefined) shape.rules.set(key, owner);
    else if (!Array.isArray(there)) {
      if (there !== owner) shape.rules.set(key, [there, owner]);
    } else if (!there.includes(owner)) there.push(owner);
    return true;
  }

  /**
   * The owners of all rules that hold, each once.
   * @returns undefined where the certificate has so many names that the lookup would not be cheap: nothing is known
   * then, and whoever asks must deny
   */
  find(view: SelectorView): ReadonlySet<Owner> | undefined {
    const found = new Set<Owner>();
    let probes = 0;
    for (const { parts, rules } of this.#shapes.values()) {
      const values = parts.map(({ field, form }) => view.values(field, form));
      probes += values.reduce((product, { length }) => product * length, 1);
      if (probes > mostProbes) return undefined;
      for (const key of combinations(values)) {
        const owner = rules.get(key);
        if (owner === undefined) continue;
        if (Array.isArray(owner)) for (const one of owner) found.add(one);
        else found.add(owner);
      }
    }
    return found;
  }
}

// No value holds the separator: prepared text, host names, URIs and hexadecimal have no control characters but the
// marks inside a distinguished name, which are below this one.
const join = (values: readonly string[]): string => values.join("\u0002");

function combinations(values: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...rest] = values;
  if (rest.length === 0) return first;
  return rest.reduce<readonly string[]>(
    (prefixes, next) => prefixes.flatMap((prefix) => next.map((value) => `${prefix}\u0002${value}`)),
    first,
  );
}
