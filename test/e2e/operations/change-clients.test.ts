import { afterAll, beforeAll, expect, it } from "vitest";
import type { IssuedCertificate } from "../../../src/dev/pki/authority.ts";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";
import { startWorld, type World } from "../../support/world.ts";

let cast: SteadyCast;
let world: World;
const certificates: Record<string, IssuedCertificate> = {};
const of = (name: string): IssuedCertificate => certificates[name]!;

beforeAll(async () => {
  cast = await steadyCast();
  for (const name of ["leaver", "mover", "newcomer"])
    certificates[name] = await cast.pki.intermediate.issue({ subject: `CN=${name}` });
  world = await startWorld({
    pki: cast.pki,
    files: cast.files,
    configure(config) {
      cast.enter(config);
      for (const name of ["leaver", "mover"])
        config["clients"][name] = { thumbprints: [of(name).thumbprint], deployments: ["gpt-test"] };
    },
  });
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

it("clients come, leave and lose a grant in one change", async () => {
  const unknown = { refused: "client_unknown" };
  const notPermitted = { refused: "deployment_not_permitted" };
  const both = (name: string, expected: "answered" | { refused: string }) => [
    { name, client: of(name), perSecond: 8, expect: expected },
    { name: `${name}, streams`, client: of(name), perSecond: 4, streamed: true, expect: expected },
  ];
  const load = await steadyLoadOn(cast, world.certgate.port, [
    ...both("leaver", "answered"),
    ...both("mover", "answered"),
    { name: "newcomer", client: of("newcomer"), perSecond: 4, expect: unknown },
  ]);
  await load.ended(300);
  const expected = {
    leaver: unknown,
    "leaver, streams": unknown,
    mover: notPermitted,
    "mover, streams": notPermitted,
    newcomer: "answered",
  } as const;
  const { outcome } = await load.change(expected, () =>
    world.reconfigure((config) => {
      delete config["clients"].leaver;
      config["clients"].mover.deployments = ["gpt-other"];
      config["clients"].newcomer = {
        thumbprints: [of("newcomer").thumbprint],
        deployments: ["gpt-test"],
      };
    }),
  );
  expect(outcome).toBe("applied");
  await load.ended(500);
  expect(
    noteOperation("change the clients: one comes, one leaves, one may less", await load.stop()),
  ).toMatchObject(clean);
});
