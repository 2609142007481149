import { afterAll, beforeAll, expect, it } from "vitest";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";
import { createTestPki, type TestPki } from "../../support/test-pki.ts";
import { startWorld, type World } from "../../support/world.ts";

let cast: SteadyCast;
let old: TestPki;
let next: TestPki;
let world: World;
const crls = (...names: string[]) => names.map((file) => ({ file }));

beforeAll(async () => {
  cast = await steadyCast();
  [old, next] = await Promise.all([createTestPki("Old"), createTestPki("Next")]);
  world = await startWorld({
    pki: cast.pki,
    files: {
      ...cast.files,
      "old-root.pem": old.root.pem,
      "old-root.crl": old.rootCrl.pem,
      "old-intermediate.crl": old.intermediateCrl.pem,
      "next-root.pem": next.root.pem,
      "next-root.crl": next.rootCrl.pem,
      "next-intermediate.crl": next.intermediateCrl.pem,
    },
    configure(config) {
      cast.enter(config);
      config["trust"].anchors = [{ file: "root.pem" }, { file: "old-root.pem" }];
      config["trust"].revocation.crls = crls(
        "root.crl",
        "intermediate.crl",
        "old-root.crl",
        "old-intermediate.crl",
      );
      config["clients"].fleet = {
        thumbprints: [old.client.thumbprint, next.client.thumbprint],
        deployments: ["gpt-test"],
      };
    },
  });
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

it("a root is replaced by another: nobody fails in between, and the old one's clients are refused when it has left", async () => {
  const untrusted = { refused: "client_certificate_untrusted" };
  const fleet = (name: string, client: TestPki["client"], expected: "answered" | typeof untrusted) => [
    { name, client, perSecond: 12, expect: expected },
    { name: `${name}, streams`, client, perSecond: 4, streamed: true, expect: expected },
  ];
  const load = await steadyLoadOn(cast, world.certgate.port, [
    ...fleet("old fleet", old.client, "answered"),
    ...fleet("next fleet", next.client, untrusted),
  ]);
  const both = (name: string, expected: "answered" | typeof untrusted) => ({
    [name]: expected,
    [`${name}, streams`]: expected,
  });
  await load.ended(200);

  const overlap = await load.change(both("next fleet", "answered"), () =>
    world.reconfigure((config) => {
      config["trust"].anchors.push({ file: "next-root.pem" });
      config["trust"].revocation.crls.push(...crls("next-root.crl", "next-intermediate.crl"));
    }),
  );
  expect(overlap.outcome).toBe("applied");
  await load.ended(400);

  const removal = await load.change(both("old fleet", untrusted), () =>
    world.reconfigure((config) => {
      config["trust"].anchors = [{ file: "root.pem" }, { file: "next-root.pem" }];
    }),
  );
  expect(removal.outcome).toBe("applied");
  await load.ended(400);
  const report = noteOperation("rotate the root: overlap, then removal", await load.stop());
  expect(report).toMatchObject(clean);
});
