import { z } from "zod";
import { aws, awsBearer } from "./aws-credential-schema.ts";
import { name } from "./client-schema.ts";
import { secretSource } from "./secret-source-schema.ts";

/**
 * How the gateway proves itself to backends and Key Vaults: one form a `type`. No form takes a secret itself, only
 * where it is: the configuration is copied, compared and printed.
 */

const text = z.string().min(1);
const path = z.string().min(1);
const id = z
  .string()
  .regex(/^[0-9A-Za-z.-]+$/, "must be an id or a domain name: letters, digits, dots and hyphens");
const httpsOrigin = z
  .url({ protocol: /^https$/, error: "must be an https:// URL" })
  .refine(
    (url) => !URL.canParse(url) || new URL(url).pathname === "/",
    "must be an origin, without a path: the tenant is added to it",
  );

/** A PEM certificate with its key, or a Key Vault certificate (with an exportable key). */
const certificateWithKey = z.union([
  z.strictObject({ file: path, keyFile: path.optional() }),
  z.strictObject({ keyVault: name, certificate: text }),
]);

const cloudName = z.enum(["public", "us-government", "china"]);
/** Which Entra issues the tokens. */
const cloud = z.union([
  cloudName,
  z.strictObject({
    authorityHost: httpsOrigin,
    /** A private CA for that authority's TLS certificate, beside the system's roots. */
    caFile: path.optional(),
  }),
]);

/** What the tokens for backends are for: one of the two, or neither. */
const purpose = { scope: text.optional(), audience: text.optional() };
const onePurpose = {
  error: "name what the tokens are for by `scope` or by `audience`: one of them",
};
const namesOnePurpose = ({
  scope,
  audience,
}: {
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
}) => scope === undefined || audience === undefined;

const managedIdentity = z
  .strictObject({
    type: z.literal("managed-identity"),
    clientId: text.optional(),
    objectId: text.optional(),
    resourceId: text.optional(),
    cloud: cloudName.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose)
  .refine((value) => [value.clientId, value.objectId, value.resourceId].filter(Boolean).length <= 1, {
    error: "name the identity by clientId, objectId or resourceId: one of them",
  });

const workloadIdentity = z
  .strictObject({
    type: z.literal("workload-identity"),
    /** Each default: what the cluster's webhook put into the environment. */
    tokenFile: path.optional(),
    clientId: text.optional(),
    tenantId: id.optional(),
    cloud: cloud.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose);

const clientSecret = z
  .strictObject({
    type: z.literal("client-secret"),
    tenantId: id,
    clientId: text,
    secret: secretSource,
    cloud: cloud.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose);

const clientCertificate = z
  .strictObject({
    type: z.literal("client-certificate"),
    tenantId: id,
    clientId: text,
    certificate: certificateWithKey,
    /** Where the app registration trusts a subject name and issuer in place of one certificate. */
    sendCertificateChain: z.boolean().default(false),
    cloud: cloud.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose);

const azureCli = z
  .strictObject({
    type: z.literal("azure-cli"),
    tenantId: id.optional(),
    subscription: z
      .string()
      .regex(
        /^[0-9A-Za-z._ -]+$/,
        "must be a subscription's id or a name of letters, digits, . _ - and space",
      )
      .optional(),
    cloud: cloudName.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose);

const defaultChain = z
  .strictObject({
    type: z.literal("default"),
    managedIdentityClientId: text.optional(),
    tenantId: id.optional(),
    cloud: cloud.optional(),
    ...purpose,
  })
  .refine(namesOnePurpose, onePurpose);

const apiKey = z.strictObject({
  type: z.literal("api-key"),
  primary: secretSource,
  secondary: secretSource.optional(),
  /** From one look at the keys' sources to the next. */
  refreshSeconds: z.number().positive().default(300),
});

const none = z.strictObject({ type: z.literal("none") });

export const credential = z.discriminatedUnion("type", [
  managedIdentity,
  workloadIdentity,
  clientSecret,
  clientCertificate,
  azureCli,
  defaultChain,
  apiKey,
  none,
  aws,
  awsBearer,
]);

export type CredentialConfig = z.infer<typeof credential>;
export type CredentialConfigOf<Type extends CredentialConfig["type"]> = Extract<
  CredentialConfig,
  { readonly type: Type }
>;
export type CloudConfig = z.infer<typeof cloud>;

/** The types that give bearer tokens, which is what a Key Vault takes. */
export const tokenCredentialTypes = [
  "managed-identity",
  "workload-identity",
  "client-secret",
  "client-certificate",
  "azure-cli",
  "default",
] as const satisfies readonly CredentialConfig["type"][];
export type TokenCredentialConfig = CredentialConfigOf<(typeof tokenCredentialTypes)[number]>;

export const isTokenCredential = (config: CredentialConfig): config is TokenCredentialConfig =>
  (tokenCredentialTypes as readonly string[]).includes(config.type);
