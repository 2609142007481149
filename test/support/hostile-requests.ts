import * as fc from "fast-check";

const good = (granted: string) =>
  [
    `/openai/deployments/${granted}/chat/completions`,
    `/openai/deployments/${granted}/embeddings`,
    "/openai/v1/chat/completions",
    "/openai/v1/responses",
  ] as const;

/** Targets: good ones, good ones with a piece planted, and heaps of pieces that parsers are known to read differently. */
export function hostileTarget(granted: string, other: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        "/openai",
        "/deployments",
        "/v1",
        "/chat",
        "/completions",
        "/embeddings",
        "/responses",
        "/models",
        `/${granted}`,
        `/${other}`,
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ..."/ // /. /.. /%2e%2e /..%2f %2f %5c \\ ; ;x=1 %00 \u0000 . %20 # @ : /OpenAI % %25 \u00e9 %c0%ae".split(
          " ",
        ),
        " ",
        "\t",
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
  );
  const spliced = fc
    .tuple(fc.constantFrom(...good(granted)), piece, fc.nat(), fc.boolean())
    .map(([path, extra, where, plant]) => {
      const at = where % (path.length + 1);
      return plant ? `${path.slice(0, at)}${extra}${path.slice(at)}` : path;
    });
  const heap = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
  const query = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("", "?api-version=2024-10-21", "?api-version=preview") },
    {
      weight: 1,
      arbitrary: fc
        .array(
          fc.constantFrom(
            ...`api-version=1 & model=${other} api%2Dversion=2 deployment=x ; = %26 # ?`.split(" "),
          ),
          { maxLength: 4 },
        )
        .map((parts) => `?${parts.join("")}`),
    },
  );
  return fc.tuple(fc.oneof(spliced, heap), query).map(([path, tail]) => `${path}${tail}`);
}

/** A good target in one spelling. */
export const goodTarget = (granted: string): fc.Arbitrary<string> =>
  fc.constantFrom(...good(granted)).map((path) => `${path}?api-version=2024-10-21`);

/** Bytes struck, doubled or planted. */
export const edited = (text: fc.Arbitrary<string>, most: number): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      text,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom("strike", "double", "plant"), fc.nat(255)), {
        maxLength: most,
      }),
    )
    .map(([whole, edits]) => {
      const bytes = [...Buffer.from(whole)];
      for (const [where, edit, byte] of edits) {
        const at = where % (bytes.length + 1);
        if (edit === "strike") bytes.splice(at, 1);
        else bytes.splice(at, 0, edit === "double" ? (bytes[at] ?? byte) : byte);
      }
      return Buffer.from(bytes);
    });

/** JSON bodies in spellings of keys and values that parsers are known to disagree on, some of them good. */
export function hostileBody(granted: string, other: string): fc.Arbitrary<Buffer> {
  const key = fc.oneof(
    fc.constantFrom(
      '"model"',
      '"\\u006dodel"',
      '"mode\\u006C"',
      '"Model"',
      '"model "',
      '"stream"',
      '"x"',
      '"tools"',
      '"type"',
      '"input"',
    ),
    fc.string().map((text) => JSON.stringify(text)),
  );
  const scalar = fc.oneof(
    fc.constantFrom(
      `"${granted}"`,
      `"${other}"`,
      `"${granted.slice(0, 3)}\\u00${granted.charCodeAt(3).toString(16)}${granted.slice(4)}"`,
      `"${granted} "`,
      '""',
      "true",
      "null",
      "1",
      "01",
      "-",
      '"\\ud800"',
    ),
    fc.json({ maxDepth: 1 }),
  );
  const { body } = fc.letrec<{ body: string; value: string }>((tie) => ({
    body: fc
      .array(fc.tuple(key, tie("value"), fc.constantFrom("", " ", "\n", "\u00a0", "/**/")), { maxLength: 5 })
      .map((pairs) => `{${pairs.map(([name, value, space]) => `${space}${name}:${value}`).join(",")}}`),
    value: fc.oneof(
      { depthSize: "small" },
      scalar,
      tie("body"),
      fc.array(tie("value"), { maxLength: 3 }).map((list) => `[${list.join(",")}]`),
    ),
  }));
  return edited(
    fc.oneof(
      body,
      fc.json().map((text) => `{"model":"${granted}","x":${text}}`),
    ),
    3,
  );
}
