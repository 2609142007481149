/** What a rule can look at. `subject:` is followed by a dotted attribute type. */
export type SelectorField =
  | "uri"
  | "dns"
  | "email"
  | "ip"
  | "spki"
  | "issuer-name"
  | "issuer-spki"
  | `subject:${string}`;

/** One condition in the form in which it is compared: equal text, and nothing cleverer. */
export interface SelectorPart {
  readonly field: SelectorField;
  /** `wildcard`: the value is what stays the same around the one label or segment that may be anything. */
  readonly form: "exact" | "wildcard";
  readonly value: string;
}

export type PartReading =
  | { readonly ok: true; readonly form: SelectorPart["form"]; readonly value: string }
  | { readonly ok: false; readonly reason: string };

export const exact = (value: string): PartReading => ({ ok: true, form: "exact", value });
export const wildcard = (value: string): PartReading => ({ ok: true, form: "wildcard", value });
export const bad = (reason: string): PartReading => ({ ok: false, reason });
