import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
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
let next: TestPki;
let world: World;
beforeAll(async () => {
  cast = await steadyCast();
  next = await createTestPki("Next");
  world = await startWorld({ pki: cast.pki, files: cast.files, watches: true, configure: cast.enter });
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

async function servedCertificate(): Promise<string> {
  const ca = [cast.pki.root.pem, next.root.pem];
  const socket = connect({ host: "localhost", port: world.certgate.port, ca });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256.replaceAll(":", "").toLowerCase();
}

it("the gateway's own certificate and key are replaced in place, one file after the other, by those of another CA", async () => {
  const load = await steadyLoadOn(
    cast,
    world.certgate.port,
    [{ ...cast.callers[0]!, name: "newcomers", perSecond: 30, fresh: true }],
    { ca: cast.pki.root.pem + next.root.pem },
  );
  await load.ended(200);
  expect(await servedCertificate()).toBe(cast.pki.server.thumbprint);
  const put = async (name: string, text: string) => {
    await writeFile(join(world.directory, `${name}.next`), text);
    await rename(join(world.directory, `${name}.next`), join(world.directory, name));
  };
  await put("server.pem", next.server.chainPem);
  // Certificate and key do not belong together now.
  await load.ended(200);
  expect(await servedCertificate()).toBe(cast.pki.server.thumbprint);
  await put("server.key", next.server.keyPem);
  await expect.poll(servedCertificate, { timeout: 20_000 }).toBe(next.server.thumbprint);
  await load.ended(400);
  expect(noteOperation("rotate the server certificate", await load.stop())).toMatchObject(clean);
});
