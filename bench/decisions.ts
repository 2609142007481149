import type { PresentedChain } from "../src/model/presented-chain.ts";
import { defaultPathRules, verifyPath } from "../src/pki/verify-path.ts";
import { type Measurement, rateOf } from "./measurement.ts";
import { chainOf, createScene, createVerifier } from "./scene.ts";

/** Decisions about a chain of three certificates (root, intermediate, leaf), ECDSA P-256, CRLs of both CAs. */
export async function benchDecisions(quick: boolean): Promise<Measurement[]> {
  const { client, facts } = await createScene();
  const ms = quick ? 20 : 2000;
  const chain = chainOf(await client("CN=device"));
  let { version } = facts;
  const verifier = createVerifier(() => ({ ...facts, version }));
  const presented = { chain, tls: { authorized: true } } as const;
  const accept = (verdict: { readonly allowed: boolean }) => {
    if (!verdict.allowed) throw new Error("the benchmark's own chain is refused");
  };

  const cold = () =>
    accept(
      verifyPath({
        leaf: chain.leaf,
        candidates: chain.others,
        anchors: facts.anchors,
        at: Date.now(),
        rules: defaultPathRules,
        revocation: facts.revocation,
      }),
    );
  const newcomers: PresentedChain[] = [];
  for (let i = 0; i < (quick ? 300 : 3000); i += 1) newcomers.push(chainOf(await client(`CN=device-${i}`)));
  let next = 0;
  return [
    { what: "decision, cold (bytes read, 2 signatures checked)", values: rateOf(cold, ms) },
    {
      what: "decision, new client of a known CA (1 signature checked)",
      values: newcomersRate(newcomers, (newcomer) =>
        accept(verifier.verify({ chain: newcomer, tls: { authorized: true } })),
      ),
    },
    {
      what: "decision again after trust changed (no signature checked)",
      values: rateOf(() => {
        version = next += 1;
        accept(verifier.verify(presented));
      }, ms),
    },
    { what: "decision, cached", values: rateOf(() => accept(verifier.verify(presented)), ms) },
  ];
}

/** Each can be new once only. */
function newcomersRate(chains: readonly PresentedChain[], decide: (chain: PresentedChain) => void) {
  const warm = chains.length / 3;
  for (const chain of chains.slice(0, warm)) decide(chain);
  const rest = chains.slice(warm);
  const start = performance.now();
  for (const chain of rest) decide(chain);
  const ms = performance.now() - start;
  return { "per second": Math.round((rest.length / ms) * 1000), µs: Math.round((ms * 1000) / rest.length) };
}
