import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { EndingThumbprint } from "../model/client-options.ts";
import { readThumbprint } from "../model/thumbprint.ts";

/** A change of the clients in a configuration file; everything else of the file stays, comments included. */
export interface ClientsEditor {
  has(name: string): boolean;
  /** As the file has them; empty where they are not a list. */
  thumbprints(name: string): readonly (string | EndingThumbprint)[];
  add(name: string, value: object): void;
  /** Replaces the list; an entry of the same thumbprint keeps its comment. */
  setThumbprints(name: string, thumbprints: readonly (string | EndingThumbprint)[]): void;
  remove(name: string): boolean;
}

/** @returns the new text; whether it is a good configuration is for its check to say. @throws Error for broken YAML */
export function editClients(text: string, edit: (editor: ClientsEditor) => void): string {
  const document = parseDocument(text, { stringKeys: true });
  const [fault] = document.errors;
  if (fault !== undefined) throw new Error(`not valid YAML: ${fault.message}`);
  const path = (name: string) => ["clients", name, "thumbprints"];
  const plain = (name: string): readonly (string | EndingThumbprint)[] => {
    const list: unknown = document.getIn(path(name), true);
    return isSeq(list) ? (list.toJS(document) as (string | EndingThumbprint)[]) : [];
  };
  edit({
    has: (name) => document.hasIn(["clients", name]),
    thumbprints: plain,
    add: (name, value) => document.setIn(["clients", name], document.createNode(value)),
    setThumbprints(name, thumbprints) {
      const old: unknown = document.getIn(path(name), true);
      const nodes = isSeq(old) ? old.items : [];
      const list = document.createNode(thumbprints.map((one) => one));
      if (isSeq(list))
        for (const item of list.items) {
          if (isMap(item)) item.flow = true;
          const like = nodes.find(
            (node) => digitsOf(node) !== undefined && digitsOf(node) === digitsOf(item),
          );
          for (const part of ["comment", "commentBefore"] as const) {
            const comment = isScalar(like) || isMap(like) ? like[part] : undefined;
            if (comment !== undefined && (isScalar(item) || isMap(item))) item[part] = comment;
          }
        }
      document.setIn(path(name), list);
    },
    remove: (name) => document.deleteIn(["clients", name]),
  });
  return document.toString({ lineWidth: 0 });
}

function digitsOf(node: unknown): string | undefined {
  const value: unknown = isMap(node) ? node.get("thumbprint") : isScalar(node) ? node.value : undefined;
  const reading = typeof value === "string" ? readThumbprint(value) : undefined;
  return reading?.ok === true ? reading.thumbprint.hex : undefined;
}
