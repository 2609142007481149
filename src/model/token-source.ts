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
    options?: { readonly abortSignal?: AbortSignalShape },
  ): Promise<AccessToken | null>;
}

/** What the SDKs ask of an abort signal; Node's own fits. */
export interface AbortSignalShape {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
