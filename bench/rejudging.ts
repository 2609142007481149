import { CallerDecision, type CallerFacts, ConnectionCaller } from "../src/gateway/caller.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { LiveExchanges } from "../src/listener/live-exchanges.ts";
import { parseCrl } from "../src/pki/crl.ts";
import { createCrlIndex } from "../src/pki/revocation.ts";
import { clientMapOf } from "../test/support/client-map.ts";
import { type Measurement, rounded, watchStalls } from "./measurement.ts";
import { chainOf, createScene, createVerifier } from "./scene.ts";

/** New revocation data arrives while many clients, each with a certificate of its own, have a stream running. */
export async function benchRejudging(quick: boolean): Promise<Measurement[]> {
  const { root, intermediate, client, facts } = await createScene();
  const count = quick ? 200 : 10_000;
  const clients = [];
  for (let i = 0; i < count; i += 1) clients.push(await client(`CN=device-${i}`));
  const map = clientMapOf(
    clients.map(({ thumbprint }, i) => ({
      name: `device-${i}`,
      thumbprints: [thumbprint],
      deployments: ["gpt"],
      routes: [],
    })),
    { deployments: ["gpt-4o"], roles: {} },
  );
  let current = facts;
  const callers: CallerFacts = {
    clock: systemClock,
    clients: () => map,
    generation: () => current.version,
    fetchMissing: async () => false,
    verifier: createVerifier(() => current),
  };
  const live = new LiveExchanges(systemClock);
  let cut = 0;
  for (const one of clients) {
    const caller = new ConnectionCaller(
      new CallerDecision({ chain: chainOf(one), tls: { authorized: true } }, callers),
    );
    if (!caller.identify().allowed) throw new Error("the benchmark's own client is refused");
    live.add(caller, () => (cut += 1));
  }
  const revoked = clients.slice(0, 10).map(({ serial }) => ({ serial }));
  const crls = await Promise.all([root.crl(), intermediate.crl({ number: 2, revoked })]);
  const read = crls.map(({ der }) => parseCrl(der));
  current = {
    ...facts,
    version: 2,
    revocation: { ...facts.revocation, crls: createCrlIndex(read) },
  };
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stalls = watchStalls();
  const start = performance.now();
  await live.judge();
  const ms = performance.now() - start;
  const stall = stalls();
  if (cut !== revoked.length) throw new Error(`${cut} exchanges were cut, not ${revoked.length}`);
  return [
    {
      what: `${count} running streams judged again, ${revoked.length} of them revoked`,
      values: { "ms in all": rounded(ms), ...stall },
    },
  ];
}
