import type { ICruiseOptions, IForbiddenRuleType } from "dependency-cruiser";

type RuleSet = NonNullable<ICruiseOptions["ruleSet"]>;

/** The stages: rooms side by side, which share nouns in `model/` and never import each other. */
const stages = [
  "trust",
  "identity",
  "target",
  "policy",
  "registry",
  "quota",
  "ownership",
  "backend",
  "credential",
  "forward",
  "usage",
  "audit",
  "telemetry",
];

/** Which rooms a room may import, itself aside. A room that is missing here may be imported by nobody. */
const mayImport: Record<string, readonly string[]> = {
  main: ["cli"],
  cli: [
    "compose",
    "config",
    "supervisor",
    "listener",
    "admin",
    "gateway",
    ...stages,
    "pki",
    "model",
    "kernel",
  ],
  compose: ["config", "supervisor", "listener", "admin", "gateway", ...stages, "pki", "model", "kernel"],
  // Processes and what they say to each other: it knows nothing of what a gateway is.
  supervisor: ["model", "kernel"],
  listener: ["gateway", ...stages, "pki", "model", "kernel"],
  admin: ["config", "gateway", ...stages, "pki", "model", "kernel"],
  gateway: [...stages, "pki", "model", "kernel"],
  // The table of operations is data that a configuration adds to, so its own check is the room's.
  config: ["target", "pki", "model", "kernel"],
  dev: ["pki", "model", "kernel"],
  ...Object.fromEntries(stages.map((stage) => [stage, ["pki", "model", "kernel"]])),
  pki: ["model", "kernel"],
  model: ["kernel"],
  kernel: [],
};

/** The home of each third-party package: the only folders that import it. A package without a home has no place. */
const homes: Record<string, readonly string[]> = {
  "@azure/identity": ["src/credential/adapters/"],
  "@azure/keyvault-certificates": ["src/trust/adapters/"],
  "@azure/keyvault-secrets": ["src/trust/adapters/"],
  "@peculiar/x509": ["src/dev/pki/"],
  "@aws-sdk/credential-providers": ["src/credential/adapters/"],
  "@smithy/signature-v4": ["src/credential/adapters/"],
  express: ["src/admin/"],
  "http-proxy-middleware": ["src/forward/adapters/"],
  "node-forge": ["src/trust/adapters/", "src/dev/pki/"],
  pino: ["src/telemetry/"],
  "prom-client": ["src/telemetry/"],
  redis: ["src/ownership/adapters/"],
  "reflect-metadata": ["src/dev/pki/"],
  ws: ["src/forward/adapters/", "src/dev/azure/"],
  yaml: ["src/config/"],
  zod: ["src/config/"],
};

/** The home of each of Node's own modules that keeps something beyond the process. */
const builtinHomes: Record<string, readonly string[]> = {
  sqlite: ["src/ownership/adapters/", "src/registry/adapters/"],
};

/** Rooms that decide from their arguments alone: no network, no disk, no process. */
const pureRooms = ["kernel", "model", "pki", "target", "policy"];
const builtinsWithIo =
  "^(node:)?(child_process|cluster|dgram|dns|fs|http|http2|https|inspector|net|process|readline|sqlite|tls|worker_threads)(/|$)";

/** A room is a folder, or a single file right under src. */
const roomPath = (room: string): string => `^src/${room}(/|\\.ts$)`;
const anyOf = (alternatives: readonly string[]): string => alternatives.join("|");
const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const packagePath = (name: string): string => `(^|/)node_modules/${literally(name)}/`;

const rooms: IForbiddenRuleType[] = Object.entries(mayImport).map(([room, others]) => ({
  name: `${room}-imports-down-only`,
  comment: `${room} may import ${others.length === 0 ? "no other room" : others.join(", ")}`,
  severity: "error",
  from: { path: roomPath(room) },
  // cli/dev has a rule of its own for the one folder that it may see and the other commands may not.
  to: { path: "^src/", pathNot: anyOf([room, ...others, ...(room === "cli" ? ["dev"] : [])].map(roomPath)) },
}));

const packageHomes: IForbiddenRuleType[] = Object.entries(homes).map(([name, folders]) => ({
  name: `home-of-${name}`,
  comment: `${name} is imported in ${folders.join(" and ")} only`,
  severity: "error",
  from: { path: "^src/", pathNot: anyOf(folders.map((folder) => `^${folder}`)) },
  to: { path: packagePath(name) },
}));

const homesOfBuiltins: IForbiddenRuleType[] = Object.entries(builtinHomes).map(([name, folders]) => ({
  name: `home-of-node-${name}`,
  comment: `node:${name} is imported in ${folders.join(" and ")} only`,
  severity: "error",
  from: { path: "^src/", pathNot: anyOf(folders.map((folder) => `^${folder}`)) },
  to: { dependencyTypes: ["core"], path: `^(node:)?${name}$` },
}));

const forbidden: IForbiddenRuleType[] = [
  ...rooms,
  ...packageHomes,
  ...homesOfBuiltins,
  {
    name: "every-room-is-known",
    comment: "a new room needs its place in scripts/layer-rules.ts",
    severity: "error",
    from: { path: "^src/", pathNot: anyOf(Object.keys(mayImport).map(roomPath)) },
    to: {},
  },
  {
    name: "every-package-has-a-home",
    comment: "a new package needs its home in scripts/layer-rules.ts",
    severity: "error",
    from: { path: "^src/" },
    to: {
      couldNotResolve: false,
      dependencyTypesNot: ["core", "local"],
      pathNot: anyOf(["^src/", ...Object.keys(homes).map(packagePath)]),
    },
  },
  {
    name: "no-dev-dependencies",
    comment: "the built package has no devDependencies beside it",
    severity: "error",
    from: { path: "^src/" },
    to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
  },
  {
    name: "adapters-are-constructed-by-compose",
    comment: "only compose imports adapters/; adapters of one folder may share code",
    severity: "error",
    from: { path: "^src/([^/]+)/", pathNot: "^src/(compose/|[^/]+/adapters/)" },
    to: { path: "^src/[^/]+/adapters/" },
  },
  {
    name: "adapters-know-their-own-folder-only",
    comment: "an adapter imports no other room's adapter",
    severity: "error",
    from: { path: "^src/([^/]+)/adapters/" },
    to: { path: "^src/[^/]+/adapters/", pathNot: "^src/$1/adapters/" },
  },
  {
    name: "dev-is-for-the-dev-command",
    comment: "the dev PKI and the local Azure are imported by cli/dev and tests only",
    severity: "error",
    from: { path: "^src/", pathNot: "^src/(dev/|cli/dev[^/]*(/|\\.ts$))" },
    to: { path: "^src/dev/" },
  },
  {
    name: "pure-rooms-do-no-io",
    comment: `${pureRooms.join(", ")} decide from their arguments alone`,
    severity: "error",
    from: { path: anyOf(pureRooms.map(roomPath)) },
    to: { dependencyTypes: ["core"], path: builtinsWithIo },
  },
  {
    name: "pki-needs-node-crypto-only",
    comment: "of Node's own modules, pki imports node:crypto and nothing else",
    severity: "error",
    from: { path: roomPath("pki") },
    to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
  },
  {
    name: "src-stands-alone",
    comment:
      "nothing under src imports tests, scripts or the built output; of what is beside it, only the version is read",
    severity: "error",
    from: { path: "^src/" },
    to: { dependencyTypes: ["local"], pathNot: "^(src/|package[.]json$)" },
  },
  {
    name: "no-unresolved-imports",
    comment: "an import that cannot be resolved cannot be judged",
    severity: "error",
    from: { path: "^src/" },
    to: { couldNotResolve: true },
  },
  {
    name: "no-cycles",
    comment: "a cycle has no bottom",
    severity: "error",
    from: { path: "^src/" },
    to: { circular: true },
  },
];

export const layerRules: RuleSet = { forbidden };
