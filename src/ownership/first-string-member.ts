/**
 * The value of a member of the outermost object, read from the begin of a JSON text that need not be whole. Members of
 * inner objects do not count, nor does what stands in strings.
 * @returns undefined when it is not in what there is, or is no string
 */
export function firstStringMember(text: string, name: string): string | undefined {
  let depth = 0;
  let expectsKey = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "{" || character === "[") {
      depth += 1;
      expectsKey = depth === 1 && character === "{";
    } else if (character === "}" || character === "]") depth -= 1;
    else if (character === "," && depth === 1) expectsKey = true;
    else if (character === '"') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      if (expectsKey && depth === 1) {
        expectsKey = false;
        if (unquoted(text.slice(at, end)) === name) return stringAfterColon(text, end);
      }
      at = end - 1;
    }
  }
  return undefined;
}

function stringAfterColon(text: string, from: number): string | undefined {
  const [gap] = /^\s*:\s*/.exec(text.slice(from, from + 64)) ?? [];
  if (gap === undefined || text.charAt(from + gap.length) !== '"') return undefined;
  const start = from + gap.length;
  const end = endOfString(text, start);
  return end === undefined ? undefined : unquoted(text.slice(start, end));
}

/** The place behind the closing quote. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at + 1;
  }
  return undefined;
}

function unquoted(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    // No JSON string, so it names nothing.
    return undefined;
  }
}
