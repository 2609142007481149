import { z } from "zod";
import { secretSource } from "./secret-source-schema.ts";

/** How the gateway proves itself to AWS. What is signed for (region, host) is the backend's own matter. */

const text = z.string().min(1);
const path = z.string().min(1);
const roleArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]{1,512}$/,
    "must be a role's ARN: arn:aws:iam::ACCOUNT:role/NAME",
  );
const sessionName = z
  .string()
  .regex(/^[A-Za-z0-9+=,.@_-]{2,64}$/, "must have 2 to 64 of A-Z a-z 0-9 + = , . @ _ -")
  .default("certgate");

export const aws = z
  .strictObject({
    type: z.literal("aws"),
    /** An access key of its own. One of `keys`, `profile`, `webIdentity`; without any, the AWS default chain. */
    keys: z
      .strictObject({
        accessKeyId: secretSource,
        secretAccessKey: secretSource,
        sessionToken: secretSource.optional(),
      })
      .optional(),
    /** Of the shared files. */
    profile: text.optional(),
    /** In place of `~/.aws/credentials`. */
    credentialsFile: path.optional(),
    /** In place of `~/.aws/config`. */
    configFile: path.optional(),
    /** A role for the bearer of a token that somebody else issues and renews. */
    webIdentity: z.strictObject({ roleArn, tokenFile: path, sessionName }).optional(),
    /** A role that is assumed with the keys from above. */
    assumeRole: z
      .strictObject({
        roleArn,
        externalId: z
          .string()
          .regex(/^[A-Za-z0-9+=,.@:/_-]{2,1224}$/, "must have 2 to 1224 of A-Z a-z 0-9 + = , . @ : / _ -")
          .optional(),
        sessionName,
        durationSeconds: z.int().min(900).max(43_200).optional(),
      })
      .optional(),
    /** Whose STS is asked for the role. Default: what the environment and the shared files say, and us-east-1. */
    stsRegion: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, "must be a region's name, such as eu-central-1")
      .optional(),
    /** A private endpoint of STS. */
    stsEndpoint: z.url({ protocol: /^https$/, error: "must be an https:// URL" }).optional(),
  })
  .refine(
    ({ keys, profile, webIdentity }) =>
      [keys, profile, webIdentity].filter((one) => one !== undefined).length <= 1,
    { error: "say where the keys are by `keys`, `profile` or `webIdentity`: one of them, or none" },
  )
  .refine(
    ({ profile, credentialsFile, configFile }) =>
      profile !== undefined || (credentialsFile === undefined && configFile === undefined),
    { error: "`credentialsFile` and `configFile` belong to a `profile`" },
  );

export const awsBearer = z.strictObject({
  type: z.literal("aws-bearer"),
  /** A Bedrock API key. */
  key: secretSource.default({ env: "AWS_BEARER_TOKEN_BEDROCK" }),
  /** From one look at the key's source to the next. */
  refreshSeconds: z.number().positive().default(60),
});

export type AwsCredentialConfig = z.infer<typeof aws>;
export type AwsBearerConfig = z.infer<typeof awsBearer>;
