import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    configure(config) {
      config["trust"].path = { signatureAlgorithms: ["ed25519"], minimumRsaBits: 3072 };
    },
  });
});
afterAll(() => world.stop());

it("a path rule made stricter by configuration refuses what the defaults accept", async () => {
  const answer = await world.ask({ path: "/openai/v1/models" });
  // Its whole chain is signed with ECDSA.
  expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([401, "client_certificate_invalid"]);
});
