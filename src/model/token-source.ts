/** A bearer token as Azure's SDKs hand it out. */
export interface AccessToken {
  readonly token: string;
  /** Epoch ms from which the token is not accepted any more. */
  readonly expiresOnTimestamp: number;
  /** Epoch ms from which its issuer wants it to be replaced. */
  readonly refreshAfterTimestamp?: number;
}

/**
 * Fetches bearer tokens: the shape of the SDKs' `TokenCredential`, so that one identity serves the backends (through
 * a token keeper) and the SDK clients (directly) without anybody else importing the identity package.
 */
export interface TokenSource {
  /**
   * @param scopes e.g. `https://cognitiveservices.azure.com/.default`
   * @throws GatewayError `credential_unavailable` with a sentence that says what to do
   */
  getToken(
    scopes: string | string[],
    options?: {
      readonly abortSignal?: AbortSignal;
      /** The last token was refused early: anything that would give it once more is to be left aside, where it can be. */
      readonly renew?: boolean;
    },
  ): Promise<AccessToken | null>;
}
