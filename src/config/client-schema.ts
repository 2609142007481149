import { z } from "zod";
import { defaultOperationGroups, operationGroups } from "../model/operation-group.ts";
import { weekdays } from "../model/time-window.ts";
import { subjectAttributes } from "../pki/selector/read-selector.ts";

export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    "a name has 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit",
  );
const text = z.string().min(1);

const timeWindow = z.strictObject({
  days: z.array(z.enum(weekdays)).min(1),
  /** `HH:MM` on the wall clock of the time zone. */
  from: text,
  to: text,
  timeZone: text,
});

/** A bundle of rights. An empty or missing list of deployments or routes grants nothing; limits must not be empty. */
const grant = {
  /** Exact names, or `*` alone. */
  deployments: z.array(text).default([]),
  /** Names of pass-through routes. */
  routes: z.array(name).default([]),
  operations: z.array(z.enum(operationGroups)).default([...defaultOperationGroups]),
  apiVersions: z.array(text).min(1).optional(),
  sourceNetworks: z.array(text).min(1).optional(),
  hours: z.array(timeWindow).min(1).optional(),
};

export const role = z.strictObject(grant);

const thumbprint = z.union([
  z.string(),
  z.strictObject({
    thumbprint: z.string(),
    until: z.iso.datetime({ offset: true, error: "must be a time like 2026-03-01T00:00:00Z" }),
  }),
]);

const matchRule = z.strictObject({
  sanUri: text.optional(),
  sanDns: text.optional(),
  sanEmail: text.optional(),
  sanIp: text.optional(),
  subject: z
    .strictObject(
      Object.fromEntries(Object.keys(subjectAttributes).map((key) => [key, text.optional()])) as Record<
        keyof typeof subjectAttributes,
        z.ZodOptional<typeof text>
      >,
    )
    .optional(),
  /** The CA that issued the client's own certificate. */
  issuer: z.strictObject({ subject: text.optional(), spkiSha256: text.optional() }).optional(),
  spkiSha256: text.optional(),
});

export const client = z.strictObject({
  /** SHA-256 (or, where switched on, SHA-1) thumbprints, in any spelling that tools print. */
  thumbprints: z.array(thumbprint).min(1).optional(),
  /** Any one of the rules identifies the client; all parts of a rule must hold. */
  match: z.array(matchRule).min(1).optional(),
  roles: z.array(name).default([]),
  ...grant,
});

/** Parts of a client, as they stand in a registry. */
export const clientThumbprints = z.array(thumbprint);
export const clientGrants = z.strictObject({ roles: z.array(name).optional(), ...grant });
