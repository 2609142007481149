import type { TokenCredential, TokenCredentialOptions } from "@azure/identity";
import type { TokenSource } from "../../model/token-source.ts";
import { type Advise, explainIdentityFault, type SeenAnswer } from "./identity-fault.ts";

type Policies = NonNullable<TokenCredentialOptions["additionalPolicies"]>;

/** Sees the issuer's answers, of which the SDK's own faults tell only part. */
export interface AnswerWatch {
  /** For the SDK's `additionalPolicies`. */
  readonly policies: Policies;
  readonly last: () => SeenAnswer | undefined;
}

export interface AzureTokenSourceOptions {
  /** Who it is, for the sentences of its faults. */
  readonly identity: string;
  readonly advise: Advise;
  /** Makes the SDK's credential; the package is to be loaded here, because it is heavy. */
  readonly make: (watch: AnswerWatch, material: string) => Promise<TokenCredential>;
  /**
   * What the credential is made of, where that can change: looked at before each token, and the credential is made
   * anew with another. The SDK itself reads a secret once, and a certificate's renewal too late.
   */
  readonly material?: (signal: AbortSignal) => Promise<string>;
}

/**
 * Puts one of the SDK's credentials behind the port: made with the first use, every fault explained, every wait
 * ended by its signal even where the SDK ignores it (as the managed identity's does).
 */
export function createAzureTokenSource(options: AzureTokenSourceOptions): TokenSource {
  const { identity, advise, make, material } = options;
  const neverAborted = new AbortController().signal;
  let made: { readonly from: string; readonly credential: Promise<TokenCredential> } | undefined;
  const watch = watchAnswers();

  async function credentialFor(signal: AbortSignal, renew: boolean): Promise<TokenCredential> {
    const from = material === undefined ? "" : await material(signal);
    // Another instance has another cache: the only way to make the SDK ask again for what it has.
    if (renew || made?.from !== from) made = { from, credential: make(watch, from) };
    return made.credential;
  }

  return {
    async getToken(scopes, { abortSignal = neverAborted, renew = false } = {}) {
      watch.forget();
      try {
        const token = credentialFor(abortSignal, renew).then((credential) =>
          credential.getToken(scopes, { abortSignal }),
        );
        return await endedBy(abortSignal, token);
      } catch (fault) {
        // The SDK remembers a failure and repeats it for a minute without asking: who keeps the token waits better.
        made = undefined;
        if (abortSignal.aborted) throw fault;
        throw explainIdentityFault(fault, identity, advise, watch.last());
      }
    },
  };
}

function watchAnswers(): AnswerWatch & { forget(): void } {
  let last: SeenAnswer | undefined;
  return {
    last: () => last,
    forget() {
      last = undefined;
    },
    policies: [
      {
        position: "perCall",
        policy: {
          name: "certgateAnswerWatch",
          async sendRequest(request, next) {
            const response = await next(request).catch((fault: unknown) => {
              const code: unknown = fault instanceof Error ? Reflect.get(fault, "code") : undefined;
              last = typeof code === "string" ? { word: code } : undefined;
              throw fault;
            });
            const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
            // A number of Entra's and nothing else: the rest of a body may hold a token.
            const word = /AADSTS\d+/.exec(response.bodyAsText ?? "")?.[0];
            last = {
              status: response.status,
              ...(seconds > 0 && Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {}),
              ...(word === undefined ? {} : { word }),
            };
            return response;
          },
        },
      },
    ],
  };
}

function endedBy<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new DOMException("The wait for a token was aborted", "AbortError"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  return Promise.race([promise, ended]).finally(() => signal.removeEventListener("abort", onAbort));
}
