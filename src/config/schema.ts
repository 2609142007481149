import { z } from "zod";
import { signatureAlgorithmNames } from "../pki/signature-algorithms.ts";
import { backends, deployments, timeouts } from "./backend-schema.ts";
import { allowedFeatures, operationRows } from "./operations-schema.ts";
import { ownership } from "./ownership-schema.ts";
import { client, name, role } from "./client-schema.ts";
import { credential } from "./credential-schema.ts";
import { limits } from "./limits-schema.ts";

/**
 * The configuration's single source: shapes, defaults and limits. Cross references (a deployment without a
 * backend, a thumbprint on two clients) are checked in `check.ts`.
 */

const path = z.string().min(1);
const port = z.int().min(0).max(65535);
const httpsUrl = z.url({ protocol: /^https$/, error: "must be an https:// URL" });
const seconds = z.number().positive();

/** PEM or DER from a file, or a Key Vault certificate, or a Key Vault secret that holds one or more PEM blocks. */
const certificateSource = z.union([
  z.strictObject({ file: path }),
  z.strictObject({ keyVault: name, certificate: z.string().min(1) }),
  z.strictObject({ keyVault: name, secret: z.string().min(1) }),
]);

/** The gateway's own TLS certificate with its key: files (PEM, or PKCS#12), or a Key Vault certificate. */
const serverCertificate = z.union([
  z.strictObject({ file: path, keyFile: path.optional() }),
  z.strictObject({ keyVault: name, certificate: z.string().min(1) }),
]);

const crlSource = z.union([
  z.strictObject({ file: path }),
  z.strictObject({ url: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }) }),
]);

/** Whether and how a certificate's issuer is asked about it at the moment it is needed. */
const ocsp = z.strictObject({
  /** `before-crl`: the CRLs answer where OCSP does not. `after-crl`: the other way round. */
  mode: z.enum(["off", "before-crl", "after-crl"]).default("off"),
  /** Asked about every certificate, in place of the responder that it names. */
  responderUrl: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).optional(),
  nonce: z.enum(["required", "when-echoed"]).default("when-echoed"),
  timeoutSeconds: seconds.default(5),
  /** After it, an answer is asked for again, and one without nextUpdate does not count any more. */
  maxAgeSeconds: seconds.default(600),
  /** Whether a certificate may name a responder at a loopback, link-local or private address. */
  allowPrivateAddresses: z.boolean().default(false),
});

/** Whether CRLs are fetched from where the clients' certificates say. */
const distributionPoints = z.strictObject({
  enabled: z.boolean().default(false),
  /** Whether a certificate may name a loopback, link-local or private address. */
  allowPrivateAddresses: z.boolean().default(false),
  timeoutSeconds: seconds.default(10),
  maxBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
});

const revocation = z.strictObject({
  /** `hard`: no current CRL, no entry. `soft`: a CRL counts for `graceSeconds` longer. `off`: not checked. */
  mode: z.enum(["hard", "soft", "off"]).default("hard"),
  /** With `soft` only: for how long after its nextUpdate a CRL may still be used. */
  graceSeconds: seconds.optional(),
  /** After its thisUpdate, whatever its nextUpdate says. */
  maxCrlAgeSeconds: seconds.optional(),
  crlWithoutNextUpdate: z.enum(["refuse", "accept"]).default("refuse"),
  crls: z.array(crlSource).default([]),
  refreshSeconds: seconds.default(300),
  distributionPoints: distributionPoints.prefault({}),
  ocsp: ocsp.prefault({}),
});

/** What RFC 5280 leaves to whoever relies on a certificate. Only stricter than the defaults, never laxer. */
const pathRules = z.strictObject({
  minimumRsaBits: z.int().min(2048, "no key under 2048 bits is accepted").max(8192).default(2048),
  /** A subset of the allow-list. Absent: all of it. */
  signatureAlgorithms: z.array(z.enum(signatureAlgorithmNames)).min(1).optional(),
  /** A certificate without extKeyUsage: RFC 5280 4.2.1.12 leaves it unrestricted. */
  absentExtendedKeyUsage: z.enum(["accept", "refuse"]).default("accept"),
  anyExtendedKeyUsage: z.enum(["accept", "refuse"]).default("accept"),
  /** `strict` also enforces what RFC 5280 demands of issuers only. */
  profile: z.enum(["interoperable", "strict"]).default("interoperable"),
  maximumIntermediates: z.int().min(0).max(10).default(10),
});

export const configSchema = z.strictObject({
  listen: z.strictObject({
    host: z.string().min(1).default("0.0.0.0"),
    port: port.default(8443),
    /** Several processes may listen on the port at the same time: for an upgrade in place. Always so with workers. */
    reusePort: z.boolean().default(false),
    certificate: serverCertificate,
  }),
  admin: z
    .strictObject({
      host: z.string().min(1).default("127.0.0.1"),
      port: port.default(9443),
      /** Holds the bearer token for `POST /reload`. Absent: nobody may ask for it there. */
      tokenFile: path.optional(),
    })
    .prefault({}),
  keyVaults: z
    .record(
      name,
      z.strictObject({
        url: httpsUrl,
        credential: name,
        /** A private CA for this vault's TLS certificate, beside the system's roots. */
        caFile: path.optional(),
        /** Off only where the vault's host is not below its resource's host, as with a local vault. */
        verifyChallengeResource: z.boolean().default(true),
      }),
    )
    .default({}),
  trust: z.strictObject({
    anchors: z.array(certificateSource).min(1),
    /** Untrusted candidates for path building, for devices that send only their leaf. */
    intermediates: z.array(certificateSource).default([]),
    refreshSeconds: seconds.default(300),
    /** How long the last good anchors may be used while their source does not answer. */
    maxStaleSeconds: seconds.default(7 * 86_400),
    path: pathRules.prefault({}),
    revocation: revocation.prefault({}),
  }),
  credentials: z.record(name, credential),
  backends,
  deployments,
  /** Operations of the backends beyond the built-in table. */
  operations: operationRows,
  features: allowedFeatures,
  /** Pass-through lane: any other HTTPS backend under a path prefix. */
  routes: z
    .record(
      name,
      z.strictObject({
        kind: z.literal("http"),
        /** Prefix with a slash at both ends; it is taken off before forwarding. */
        path: z.string().regex(/^\/(?:[A-Za-z0-9._~-]+\/)+$/, "must look like /erp/ (a slash at both ends)"),
        backend: name,
      }),
    )
    .default({}),
  identity: z
    .strictObject({
      /** SHA-1 thumbprints are matched only where this is on: SHA-1 collides. */
      allowSha1Thumbprints: z.boolean().default(false),
    })
    .prefault({}),
  /** Bundles of rights that clients share. */
  roles: z.record(name, role).default({}),
  clients: z.record(name, client).default({}),
  /** Clients beyond those above, kept by `certgate client`. */
  registry: z
    .strictObject({
      file: path,
      /** How often it is looked at for changes. */
      pollSeconds: seconds.default(1),
    })
    .optional(),
  ownership,
  limits,
  timeouts,
  log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type CertificateSource = z.infer<typeof certificateSource>;
export type ServerCertificateSource = z.infer<typeof serverCertificate>;
export type CrlSource = z.infer<typeof crlSource>;
