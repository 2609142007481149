import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { ask, begin } from "../support/ask.ts";
import { type FleetWorld, type ServingFleet, startFleetWorld } from "../support/fleet.ts";

async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of answer) text += chunk.toString("utf8");
  return text;
}

/** libfaketime (Debian: `faketime`) gives one process another wall clock, which a file sets while it runs. */
const [library] = globSync("/usr/lib/*/faketime/libfaketime.so.1");

const [hour, day] = [3_600_000, 86_400_000];
const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "one two three" }] },
};

describe.skipIf(library === undefined)("the clock of a gateway that serves, when it is set", () => {
  let folder: string;
  let world: FleetWorld;
  let gateway: ServingFleet;
  let crls: Server;
  let brief: IssuedCertificate;
  let stolen: IssuedCertificate;
  let intermediateCrl: Uint8Array;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "certgate-clock-"));
    await setClock(0);
    world = await startFleetWorld({
      // Longer than the clock is set by: the issuer's own clock stands still here.
      tokenLifetimeSeconds: 60 * 86_400,
      env: {
        LD_PRELOAD: library ?? "",
        FAKETIME_TIMESTAMP_FILE: join(folder, "clock"),
        FAKETIME_CACHE_DURATION: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
    const { pki } = world;
    brief = await pki.intermediate.issue({
      subject: "CN=brief",
      notAfter: new Date(Date.now() + 2 * hour),
    });
    stolen = await pki.intermediate.issue({ subject: "CN=stolen" });
    intermediateCrl = pki.intermediateCrl.der;
    crls = createServer((_request, response) => response.end(intermediateCrl)).listen(0, "127.0.0.1");
    await once(crls, "listening");
  });
  afterAll(async () => {
    crls.close();
    await world.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const setClock = (byMs: number) => writeFile(join(folder, "clock"), `+${byMs / 1000}s`.replace("+-", "-"));
  const statusOf = async (client: IssuedCertificate) => {
    const { status, headers } = await ask({ ...gateway.asker, client }, question);
    return [status, headers["x-certgate-reason"]];
  };
  const becomes = async (client: IssuedCertificate, ...expected: unknown[]) => {
    await expect.poll(() => statusOf(client), { timeout: 25_000, interval: 200 }).toEqual(expected);
  };

  it(
    "ends what it should, at once, and nothing else; set back, it hangs nowhere",
    { timeout: 120_000 },
    async () => {
      const { pki } = world;
      gateway = await world.serveAndWait([], (config) => {
        const { port } = crls.address() as AddressInfo;
        // No timer comes to look at it within this test.
        config["trust"].revocation = {
          refreshSeconds: 2 * 3600,
          crls: [{ file: "root.crl" }, { url: `http://127.0.0.1:${port}/intermediate.crl` }],
        };
        for (const [name, { thumbprint }] of Object.entries({ brief, stolen }))
          config["clients"][name] = { thumbprints: [thumbprint], deployments: ["gpt-test"] };
      });
      for (const client of [pki.client, brief, stolen])
        expect(await statusOf(client)).toEqual([200, undefined]);

      // Two streams stand still; one is of a certificate that will be over.
      const gate = Promise.withResolvers<void>();
      world.azure.openAi.setPace({ afterEvent: () => gate.promise });
      const streams = await Promise.all(
        [brief, pki.client].map(async (client) => {
          const body = { ...question.body, stream: true };
          const answer = await begin({ ...gateway.asker, client }, { ...question, body });
          await once(answer, "readable");
          return { text: textOf(answer).catch(String) };
        }),
      );
      world.azure.openAi.setPace({});
      const { der } = await pki.intermediate.crl({ number: 2, revoked: [{ serial: stolen.serial }] });
      intermediateCrl = der;

      await setClock(3 * hour);
      expect(await streams[0]?.text).toMatch(/aborted|reset/i);
      expect(await statusOf(brief)).toEqual([401, "client_certificate_expired"]);
      // It was to be looked at again an hour ago, so it is, though no timer says so.
      await becomes(stolen, 401, "client_certificate_revoked");
      expect(await statusOf(pki.client)).toEqual([200, undefined]);
      gate.resolve();
      expect(await streams[1]?.text).toContain("data: [DONE]");
      const [, byMs] = await gateway.running.wrote(/"byMs":(\d+)[^\n]*the machine's clock was set/);
      expect(Math.abs(Number(byMs) - 3 * hour)).toBeLessThan(10_000);

      // Longer than the CRLs hold: nobody is let in on them, until there are others.
      await setClock(9 * day);
      await becomes(pki.client, 503, "revocation_unavailable");
      const root = await pki.root.crl({ number: 2, nextUpdate: new Date(Date.now() + 30 * day) });
      await writeFile(join(world.folder, "root.crl"), root.pem);
      intermediateCrl = (
        await pki.intermediate.crl({
          number: 3,
          nextUpdate: new Date(Date.now() + 30 * day),
          revoked: [{ serial: stolen.serial }],
        })
      ).der;
      await becomes(pki.client, 200, undefined);

      // Back by nine days: dates are the wall clock's matter again, and everything goes on.
      await setClock(0);
      await gateway.running.wrote(/"byMs":-\d+[^\n]*the machine's clock was set/);
      expect(await statusOf(pki.client)).toEqual([200, undefined]);
      expect(await statusOf(stolen)).toEqual([401, "client_certificate_revoked"]);
      await setClock(-2 * day);
      await becomes(pki.client, 401, "client_certificate_not_yet_valid");
      await setClock(0);
      await becomes(pki.client, 200, undefined);
      const lines = gateway.running.written.stdout.trimEnd().split("\n");
      const durations = lines.map((line) => (JSON.parse(line) as { durationMs?: number }).durationMs ?? 0);
      expect(durations.filter((ms) => ms < 0 || ms > 60_000)).toEqual([]);
      gateway.running.signal("SIGTERM");
      expect(await gateway.running.ended).toMatchObject({ code: 0 });
    },
  );
});
