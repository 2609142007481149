/** What a backend speaks: the paths of Azure OpenAI (and of any OpenAI-compatible server), or Bedrock's own. */
export type BackendKind = "azure-openai" | "bedrock";

/** Where an exchange goes. */
export interface Backend {
  /** Its name in the configuration. */
  readonly name: string;
  readonly kind: BackendKind;
  /** Scheme, host and port: `https://name.openai.azure.com`. */
  readonly origin: string;
  /** Path that stands before every forwarded path, without a trailing slash; usually empty. */
  readonly basePath: string;
  /** Name of the outbound credential. */
  readonly credential: string;
}
