import { expect, it } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { withoutPrototypes } from "../../../src/config/without-prototypes.ts";

it("gives a name that nobody defined no value, also after the way between processes", () => {
  const config = configSchema.parse({
    listen: { certificate: { file: "server.pem" } },
    trust: { anchors: [{ file: "root.pem" }] },
    credentials: {},
    backends: {},
    deployments: {},
  });
  const arrived = withoutPrototypes(structuredClone(withoutPrototypes(config)));
  for (const byName of [
    "keyVaults",
    "credentials",
    "backends",
    "deployments",
    "routes",
    "roles",
    "clients",
  ] as const)
    expect([byName, arrived[byName]["constructor"]]).toEqual([byName, undefined]);
});
