/** One thing that is wrong with a configuration, for a person with an editor open. */
export interface Problem {
  /** Where, as one would write it: `clients.robot.deployments[0]`. Empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  /** 1-based, where the place in the file is known. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
}

/** Where a value stands, key by key. */
export type ConfigPath = readonly (string | number)[];

/** Reports one problem; the caller knows where a path stands in the file. */
export type Report = (path: ConfigPath, message: string, hint: string) => void;

/** `["clients", "robot", "deployments", 0]` as `clients.robot.deployments[0]`. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** For the terminal: one block a problem, in the order of the file. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message, hint, line, column }) => {
      const place =
        line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
      return `${place}${path === "" ? "" : `${path}: `}${message}\n    ${hint}`;
    })
    .join("\n");
}
