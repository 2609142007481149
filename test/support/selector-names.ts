import type { SelectorView } from "../../src/pki/selector/selector-view.ts";
import { wildcardsOf } from "../../src/pki/selector/selector-view.ts";
import type { SelectorField } from "../../src/pki/selector/selector-part.ts";

/** What a certificate would say, given in the forms in which rules compare. */
export const namesOf = (names: Partial<Record<SelectorField, readonly string[]>>): SelectorView => ({
  values(field, form) {
    const values = names[field] ?? [];
    return form === "exact" ? values : values.flatMap((value) => wildcardsOf(field, value));
  },
});
