import type { LeafOptions } from "../pki/authority.ts";

export const dayMs = 86_400_000;

/** The clients of a dev PKI. Only `allowed`, `other` and `unknown` hold certificates that pass. */
export const devClients = [
  "allowed",
  "other",
  "unknown",
  "expired",
  "not-yet-valid",
  "revoked",
  "wrong-usage",
  "stranger",
  "self-signed",
] as const;
export type DevClient = (typeof devClients)[number];

/** Days from now, negative for the past. */
interface Validity {
  readonly from: number;
  readonly until: number;
  /** Why a stored certificate must be renewed at `now`; undefined while it still serves its purpose. */
  readonly due: (notBefore: number, notAfter: number, now: number) => string | undefined;
}

const current = (until: number, renewBefore: number): Validity => ({
  from: -1,
  until,
  due(notBefore, notAfter, now) {
    if (notBefore > now) return "it was made in the future";
    if (notAfter <= now) return "it had expired";
    return notAfter - now < renewBefore * dayMs ? "it was about to expire" : undefined;
  },
});

const alwaysExpired: Validity = {
  from: -30,
  until: -1,
  due: (_, notAfter, now) => (notAfter >= now ? "it had not expired" : undefined),
};

const neverYetValid: Validity = {
  from: 30,
  until: 120,
  due: (notBefore, _, now) => (notBefore - now < 10 * dayMs ? "it was about to become valid" : undefined),
};

export const authorityValidity = { root: current(3650, 30), intermediate: current(1825, 30) } as const;

/** A leaf of the dev PKI. */
export interface LeafPlan {
  /** File name without its suffix, below the PKI's directory. */
  readonly name: string;
  readonly commonName: string;
  readonly issuer: "intermediate" | "stranger" | "self";
  readonly validity: Validity;
  readonly extendedKeyUsage: "clientAuth" | "serverAuth";
  readonly subjectAltNames: NonNullable<LeafOptions["subjectAltNames"]>;
}

const leafValidity = current(90, 10);

export const serverPlan: LeafPlan = {
  name: "server",
  commonName: "localhost",
  issuer: "intermediate",
  validity: leafValidity,
  extendedKeyUsage: "serverAuth",
  subjectAltNames: [
    { type: "dns", value: "localhost" },
    // For the local Azure under names of its own, where a resolver maps *.localhost to loopback.
    { type: "dns", value: "vault.azure.localhost" },
    { type: "dns", value: "openai.azure.localhost" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
  ],
};

const validities: Partial<Record<DevClient, Validity>> = {
  expired: alwaysExpired,
  "not-yet-valid": neverYetValid,
};
const issuers: Partial<Record<DevClient, LeafPlan["issuer"]>> = {
  stranger: "stranger",
  "self-signed": "self",
};

export const clientPlan = (client: DevClient): LeafPlan => ({
  name: `clients/${client}`,
  commonName: client,
  issuer: issuers[client] ?? "intermediate",
  validity: validities[client] ?? leafValidity,
  extendedKeyUsage: client === "wrong-usage" ? "serverAuth" : "clientAuth",
  subjectAltNames: [],
});

/** Days that a CRL is current for, and how many before its end it is renewed. */
export const crlPlan = { days: 7, renewBeforeDays: 2 } as const;

export const subjectOf = (commonName: string): string => `CN=${commonName}, O=Certgate Dev`;
