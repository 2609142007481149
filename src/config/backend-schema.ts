import { z } from "zod";
import { deploymentNamePattern } from "../model/deployment-name.ts";
import { name } from "./client-schema.ts";

const path = z.string().min(1);
const httpsUrl = z.url({ protocol: /^https$/, error: "must be an https:// URL" });
const seconds = z.number().positive();
const hostPattern = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;

/** When the circuit of a backend opens and how it closes again. */
const breaker = z.strictObject({
  /** Failures in a row (5xx, timeouts, broken connections) that open it. */
  failures: z.int().positive().max(1000).default(5),
  /** For how long it opens first; twice as long each time that it opens again. */
  openSeconds: seconds.default(5),
  /** However long that grows, and whatever a backend's Retry-After says. */
  maxOpenSeconds: seconds.default(300),
  /** After a recovery its share grows to the whole in this time. */
  slowStartSeconds: z.number().nonnegative().default(30),
});

/** A question of the gateway's own, so that a backend that is out is noticed before a request is. */
const probe = z.strictObject({
  /** Below the endpoint; any answer under 500 is a good one. */
  path: z.string().regex(/^\/[\x21\x22\x24-\x7e]*$/, "must be a path that starts with /"),
  intervalSeconds: seconds.default(30),
  timeoutSeconds: seconds.default(5),
});

export const backends = z.record(
  name,
  z
    .strictObject({
      endpoint: httpsUrl,
      /** What it speaks: the paths of Azure OpenAI (and of any OpenAI-compatible server), or Bedrock's own. */
      kind: z.enum(["azure-openai", "bedrock"]).default("azure-openai"),
      credential: name,
      /** Where it is: of Bedrock the region that is signed for. */
      region: z
        .string()
        .regex(/^[a-z0-9-]{1,64}$/, "must be a region's name, such as eu-central-1")
        .optional(),
      /** A private CA for this backend's TLS certificate, beside the system's roots. */
      caFile: path.optional(),
      tls: z
        .strictObject({
          /** What the gateway presents to a backend that asks for it: PEM. */
          clientCertificate: z.strictObject({ file: path, keyFile: path }).optional(),
          /** The name in SNI that the certificate must bear, in place of the endpoint's host. */
          serverName: z.string().regex(hostPattern, "must be a host name").optional(),
        })
        .prefault({}),
      /** Sent in `Host`, in place of the endpoint's host and port. */
      hostHeader: z
        .string()
        .regex(
          /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?$/,
          "must be HOST or HOST:PORT",
        )
        .optional(),
      /** `environment`: HTTPS_PROXY and NO_PROXY of the process. */
      proxy: z
        .union([
          z.enum(["environment", "none"]),
          z.url({
            protocol: /^https?$/,
            error: "must be `environment`, `none` or an http:// or https:// URL",
          }),
        ])
        .default("environment"),
      timeouts: z
        .strictObject({
          connectSeconds: seconds.optional(),
          firstByteSeconds: seconds.optional(),
          idleSeconds: seconds.optional(),
        })
        .prefault({}),
      limits: z.strictObject({ concurrency: z.int().positive().optional() }).prefault({}),
      breaker: breaker.prefault({}),
      probe: probe.optional(),
    })
    .refine(({ kind, region }) => kind !== "bedrock" || region !== undefined, {
      path: ["region"],
      error: "is missing: a backend of kind bedrock is signed for a region",
    }),
);

/** No character of it changes its meaning in a JSON string, a form or a header; a path holds it percent-encoded. */
const upstreamName = /^[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,2046}[A-Za-z0-9_-])?$/;

const member = z.strictObject({
  backend: name,
  /** What the deployment is called there, where it is called otherwise. Of Bedrock a model id or an ARN. */
  deployment: z
    .string()
    .regex(upstreamName, "must be a deployment's name, a model id or an ARN: A-Z a-z 0-9 . _ : / -")
    .optional(),
  /** The group of the smallest number is used as long as one of it can be. */
  priority: z.int().min(1).max(100).default(1),
  weight: z.number().positive().max(1000).default(1),
});

export const deployments = z.record(
  z.string().regex(deploymentNamePattern),
  z.strictObject({
    /** Short for `backends` with one entry. */
    backend: name.optional(),
    backends: z.array(member).min(1).optional(),
    selection: z.enum(["weighted", "least-outstanding"]).default("weighted"),
    retry: z
      .strictObject({
        /** The first one counts too. */
        attempts: z.int().min(1).max(10).default(3),
        /** After a request's arrival, from when no further attempt begins. */
        totalSeconds: seconds.default(600),
        /** How many retries may fail, as a share of the requests. */
        budgetPercent: z.number().min(0).max(100).default(20),
        /** How many more at once. */
        budgetBurst: z.int().min(0).max(100_000).default(500),
      })
      .prefault({}),
  }),
);

export const timeouts = z
  .strictObject({
    connectSeconds: seconds.default(10),
    /** From the request's end to the answer's head: reasoning models take long. */
    firstByteSeconds: seconds.default(600),
    /** The same for what is answered without thinking: embeddings, and reads of stored objects. */
    quickFirstByteSeconds: seconds.default(60),
    /** Between two pieces of an answer. */
    idleSeconds: seconds.default(120),
    /** From the request's arrival to the last byte of its answer, whatever happens in between. */
    totalSeconds: seconds.default(3600),
    /** Between two pings in a WebSocket. A side that answers none of two is cut. */
    webSocketPingSeconds: seconds.default(30),
  })
  .prefault({});

export type BackendConfig = z.infer<typeof backends>[string];
export type DeploymentConfig = z.infer<typeof deployments>[string];
export type DeploymentMember = z.infer<typeof member>;

/** Where a deployment lives: the long form of what was written. */
export const membersOf = ({ backend, backends: several }: DeploymentConfig): readonly DeploymentMember[] =>
  several ?? (backend === undefined ? [] : [{ backend, priority: 1, weight: 1 }]);
