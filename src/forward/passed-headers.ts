import { JudgedNames } from "../kernel/judged-names.ts";
import { namedByConnection } from "./hop-by-hop.ts";

interface Passed {
  /** In lower case, each with the place of its value. */
  readonly names: readonly { readonly name: string; readonly at: number }[];
  /** Whether one of all is `Connection`, whose value may withhold more. */
  readonly hasConnection: boolean;
}

/**
 * Makes what picks the headers of a message that go on to the other side.
 * @param passes is asked once for a lower-case name, and for all messages
 * @param staysOn names what no `Connection` withholds
 * @returns takes flat raw pairs, and returns new ones with lower-case names
 */
export function passedHeaders(
  passes: (name: string) => boolean,
  staysOn?: string,
): (headers: readonly string[]) => string[] {
  const judged = new JudgedNames<Passed>((written) => {
    const all = written.map((name, index) => ({ name: name.toLowerCase(), at: 2 * index + 1 }));
    return {
      names: all.filter(({ name }) => passes(name)),
      hasConnection: all.some(({ name }) => name === "connection"),
    };
  });
  return (headers) => {
    const { names, hasConnection } = judged.of(headers);
    const hop = hasConnection ? namedByConnection(headers) : undefined;
    const passed: string[] = [];
    for (const { name, at } of names)
      if (hop === undefined || name === staysOn || !hop.has(name)) passed.push(name, headers[at] as string);
    return passed;
  };
}
