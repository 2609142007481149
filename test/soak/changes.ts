import type { SteadyCaller, SteadyLoad } from "../support/steady-load.ts";
import type { Scene } from "./scene.ts";
import type { Visit } from "./visits.ts";

type Change = (scene: Scene, load: SteadyLoad, round: number) => Promise<void>;

const guests = ["guest", "guest, streams"];
const both = <T>(value: T): Record<string, T> => Object.fromEntries(guests.map((name) => [name, value]));

export const guestCallers = ({ guest }: Scene): SteadyCaller[] => [
  { name: guests[0]!, client: guest, perSecond: 6, expect: "answered" },
  { name: guests[1]!, client: guest, perSecond: 2, streamed: true, expect: "answered" },
];

function expectOutcome(what: string, outcome: string, wanted: string): void {
  if (outcome !== wanted) throw new Error(`${what}: ${outcome}, not ${wanted}`);
}

/** Twice a round trip: the second half takes back what the first did. */
const changes: readonly Change[] = [
  async function revokeTheGuest({ pki, cast, guest, put, gateway }, load, round) {
    const { pem } = await pki.intermediate.crl({
      number: 10 + 2 * round,
      revoked: [...cast.revoked, { serial: guest.serial }],
    });
    await load.change(both({ refused: "client_certificate_revoked" }), async () => {
      await put("intermediate.crl", pem);
      expectOutcome("a CRL", await gateway.reload(), "unchanged");
    });
  },
  async function renewTheServersCertificate({ pki, put, gateway }) {
    const { chainPem, keyPem } = await pki.intermediate.issue({
      subject: "CN=localhost",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [{ type: "dns", value: "localhost" }],
    });
    await put("server.pem", chainPem);
    await put("server.key", keyPem);
    expectOutcome("a certificate", await gateway.reload(), "unchanged");
  },
  async function takeTheRevocationBack({ pki, cast, put, gateway }, load, round) {
    const { pem } = await pki.intermediate.crl({ number: 11 + 2 * round, revoked: cast.revoked });
    await load.change(both("answered" as const), async () => {
      await put("intermediate.crl", pem);
      expectOutcome("a CRL", await gateway.reload(), "unchanged");
    });
  },
  async function moveTheBackend({ other, reconfigure }) {
    const outcome = await reconfigure((config) => (config["backends"].main.endpoint = other.url));
    expectOutcome("a backend", outcome, "applied");
  },
  async function dropTheGuest({ reconfigure }, load) {
    await load.change(both({ refused: "client_unknown" }), async () => {
      const outcome = await reconfigure((config) => delete config["clients"].guest);
      expectOutcome("a client less", outcome, "applied");
    });
  },
  async function breakTheConfiguration({ gateway, put, reconfigure }) {
    await put("certgate.yaml", "clients: [");
    expectOutcome("a broken configuration", await gateway.reload(), "refused");
    if ((await gateway.readyz()) !== 200) throw new Error("not ready after a broken configuration");
    expectOutcome("mended", await reconfigure(() => {}), "unchanged");
  },
  async function addTheGuest({ guest, reconfigure }, load) {
    await load.change(both("answered" as const), async () => {
      const entry = { thumbprints: [guest.thumbprint], deployments: ["gpt-test"] };
      expectOutcome(
        "a client more",
        await reconfigure((config) => (config["clients"].guest = entry)),
        "applied",
      );
    });
  },
  async function moveTheBackendBack({ azure, reconfigure }) {
    const outcome = await reconfigure((config) => (config["backends"].main.endpoint = azure.openAi.url));
    expectOutcome("a backend", outcome, "applied");
  },
];

/** One change after the other, all of them again and again. */
export function changing(scene: Scene, load: SteadyLoad, everyMs: number): Visit {
  let next = 0;
  return {
    name: "changes",
    everyMs,
    async run() {
      const change = changes[next % changes.length]!;
      const round = Math.floor(next / changes.length);
      next += 1;
      try {
        await change(scene, load, round);
      } catch (fault) {
        throw new Error(change.name, { cause: fault });
      }
    },
  };
}
