/**
 * A naive JSON parser that keeps the first of two equal keys, as some embedded parsers do. Lenient on purpose: it
 * stands for whatever reads a request behind the gateway.
 */
export function firstKeyWins(text: string): unknown {
  let at = 0;
  const space = () => {
    while (/\s/.test(text.charAt(at))) at += 1;
  };
  const string = (): string => {
    const match = /"(?:[^"\\]|\\[^])*"/y;
    match.lastIndex = at;
    const found = match.exec(text)?.[0];
    if (found === undefined) throw new SyntaxError("no string");
    at += found.length;
    return String(JSON.parse(found));
  };
  const value = (): unknown => {
    space();
    if (text[at] === '"') return string();
    if (text[at] === "{") {
      const object = new Map<string, unknown>();
      for (at += 1, space(); text[at] !== "}"; space()) {
        if (at >= text.length) throw new SyntaxError("no end");
        if (text[at] === ",") at += 1;
        space();
        const key = string();
        space();
        at += 1;
        const item = value();
        if (!object.has(key)) object.set(key, item);
      }
      at += 1;
      return Object.fromEntries(object);
    }
    if (text[at] === "[") {
      const list: unknown[] = [];
      for (at += 1, space(); text[at] !== "]"; space()) {
        if (at >= text.length) throw new SyntaxError("no end");
        if (text[at] === ",") at += 1;
        list.push(value());
      }
      at += 1;
      return list;
    }
    const match = /[^\s,\]}]+/y;
    match.lastIndex = at;
    const found = match.exec(text)?.[0] ?? "";
    if (found === "") throw new SyntaxError("no value");
    at += found.length;
    return JSON.parse(found);
  };
  return value();
}
