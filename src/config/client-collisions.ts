import { readThumbprint } from "../model/thumbprint.ts";
import type { Selector } from "../pki/selector/read-selector.ts";
import { SelectorIndex } from "../pki/selector/selector-index.ts";
import { viewOfSelector } from "../pki/selector/selector-view.ts";
import { selectorsOf, thumbprintsOf } from "./check-client.ts";
import type { Loose } from "./loose.ts";
import { type ConfigPath, formatPath, type Report } from "./problem.ts";

interface Place {
  readonly client: string;
  readonly path: ConfigPath;
  /** For the message: a path in the file, or a line of an import. */
  readonly name: string;
}

/** Finds what stands on two clients: a certificate is one client. */
export class ClientCollisions {
  readonly #thumbprints = new Map<string, Place>();
  readonly #selectors = new SelectorIndex<Place>();
  readonly #rules: { readonly place: Place; readonly selector: Selector }[] = [];
  readonly #report: Report;
  readonly #placeName: (path: ConfigPath) => string;

  constructor(report: Report, placeName: (path: ConfigPath) => string = formatPath) {
    this.#report = report;
    this.#placeName = placeName;
  }

  add(client: string, node: Loose): void {
    for (const { node: thumbprint, written } of thumbprintsOf(node)) {
      const reading = readThumbprint(written);
      if (reading.ok) this.#addThumbprint(this.#place(client, thumbprint.path), reading.thumbprint.hex);
    }
    for (const { node: rule, selector } of selectorsOf(node)) {
      const place = this.#place(client, rule.path);
      this.#rules.push({ place, selector });
      if (!this.#selectors.add(selector, place))
        this.#report(
          rule.path,
          "is one combination of fields too many",
          "Every combination costs each lookup a step: write rules that look at the same fields.",
        );
    }
  }

  /** To be called when every client was added: rules are compared with each other. */
  finish(): void {
    for (const { place, selector } of this.#rules)
      // Whoever meets this rule meets those too, so nobody could ever be this client alone.
      for (const wider of this.#selectors.find(viewOfSelector(selector)) ?? [])
        if (wider !== place && wider.client !== place.client)
          this.#report(
            place.path,
            `matches no certificate that ${wider.name} of another client does not match too`,
            "A certificate is one client: narrow the other rule, or remove one of the two.",
          );
  }

  #place(client: string, path: ConfigPath): Place {
    return { client, path, name: this.#placeName(path) };
  }

  #addThumbprint(place: Place, hex: string): void {
    const owner = this.#thumbprints.get(hex);
    if (owner === undefined) this.#thumbprints.set(hex, place);
    else
      this.#report(
        place.path,
        owner.client === place.client
          ? `stands twice on this client (also ${owner.name})`
          : `stands on another client too (${owner.name})`,
        owner.client === place.client
          ? "Remove one of the two."
          : "A certificate is one client: remove it from one of the two.",
      );
  }
}
