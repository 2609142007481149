import type { Certificate } from "../../pki/certificate.ts";
import { certIdOf } from "../../pki/ocsp-cert-id.ts";
import type { MissingRevocation } from "../../pki/path-failure.ts";
import type { StatusSource } from "../../pki/revocation.ts";
import { ChangeNotice } from "../change-notice.ts";
import { respondersOf } from "./ask-responder.ts";
import { KeptAnswer, type KeepingAnswersOptions } from "./kept-answer.ts";
import { Slots } from "./slots.ts";

export interface OcspKeeperOptions extends Omit<
  KeepingAnswersOptions,
  "slots" | "unseen" | "onChange" | "onIdle"
> {
  /** How many certificates' answers are kept. Default 5,000, some 8 kB each. */
  readonly maximumAnswers?: number;
  /** How many questions may be under way at once. Default 16. */
  readonly maximumQuestions?: number;
}

/** OCSP answers that were verified, by certificate: what decisions ask, and what fetches for them. */
export interface OcspKeeper {
  /** Answers at once from what is kept; `unknown` with `worthFetching` where `fetch` was never tried. */
  readonly source: StatusSource;
  /** Grows whenever a decision that was made before may be wrong now. */
  version(): number;
  /** Calls the listener after each such change. @returns the way to end that */
  onChange(listener: () => void): () => void;
  /**
   * Asks about certificates whose status was unknown, each once for all who wait for it, within the time limit.
   * Never throws. @returns whether deciding again may help
   */
  fetch(missing: readonly MissingRevocation[]): Promise<boolean>;
  stop(): void;
}

export function createOcspKeeper(options: OcspKeeperOptions): OcspKeeper {
  const { clock, logger, maximumAnswers = 5_000, maximumQuestions = 16 } = options;
  const changes = new ChangeNotice<number>(logger, "ocsp");
  const slots = new Slots(maximumQuestions);
  // In the order of the last question, the oldest first.
  const answers = new Map<string, KeptAnswer>();
  let version = 0;
  let forgetful = false;

  const drop = (key: string) => {
    answers.get(key)?.stop();
    answers.delete(key);
  };

  function answerFor(certificate: Certificate, issuer: Certificate): KeptAnswer | undefined {
    if (respondersOf(certificate, options.responderUrl).length === 0) return undefined;
    const key = keyOf(certificate, issuer);
    let answer = answers.get(key);
    if (answer === undefined) {
      if (answers.size >= maximumAnswers) {
        drop(leastWanted(answers));
        forgetful = true;
      }
      answer = new KeptAnswer(certificate, issuer, {
        ...options,
        slots,
        unseen: !forgetful,
        onIdle() {
          drop(key);
          // What was dropped may have been passed over: a coming "revoked" about it must be told as news.
          forgetful = true;
        },
        onChange() {
          version += 1;
          changes.tell(version);
        },
      });
    }
    answers.delete(key);
    answers.set(key, answer);
    return answer;
  }

  const source: StatusSource = {
    statusOf: (certificate, issuer, at) =>
      answerFor(certificate, issuer)?.status(at) ?? {
        status: "unknown",
        problems: ["the certificate names no OCSP responder"],
      },
  };

  return {
    source,
    version: () => version,
    onChange: (listener) => changes.listen(listener),
    async fetch(missing) {
      const helped = await Promise.all(
        missing.map(async ({ certificate, issuerCertificate }) => {
          const status = () => source.statusOf(certificate, issuerCertificate, clock.now());
          const before = status();
          await answerFor(certificate, issuerCertificate)?.fetch();
          // That a responder was asked in vain is news, too: now the CRLs may answer.
          return (before.status === "unknown" && before.worthFetching) || status().status !== "unknown";
        }),
      );
      return helped.includes(true);
    },
    stop() {
      for (const key of answers.keys()) drop(key);
    },
  };
}

/** CertID with SHA-256: certificates of one issuer name, key and serial number share an answer. */
function keyOf(certificate: Certificate, issuer: Certificate): string {
  const { issuerNameHash, issuerKeyHash, serial } = certIdOf(certificate, issuer, "sha256");
  return Buffer.concat([issuerNameHash, issuerKeyHash, serial]).toString("latin1");
}

/** What was not asked for longest; a revocation goes only where there is nothing else. */
function leastWanted(answers: ReadonlyMap<string, KeptAnswer>): string {
  for (const [key, answer] of answers) if (!answer.isRevoked) return key;
  return answers.keys().next().value as string;
}
