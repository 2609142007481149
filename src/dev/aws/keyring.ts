import { randomBytes } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";

/** An access key as the local AWS knows it. */
export interface KnownKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary keys only. */
  readonly sessionToken?: string;
  /** Epoch ms. Temporary keys only. */
  readonly expiresAt?: number;
  /** Whom it stands for. */
  readonly arn: string;
}

/** Every access key that the local AWS gave out. */
export class Keyring {
  readonly #clock: Clock;
  readonly #keys = new Map<string, KnownKey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A user's own, long-lived key. */
  addUser(name: string): KnownKey {
    return this.add({ ...fresh("AKIA"), arn: `arn:aws:iam::123456789012:user/${name}` });
  }

  /** A temporary key, as STS gives them. */
  addSession(role: string, session: string, lifetimeSeconds: number): KnownKey & { sessionToken: string } {
    const account = /^arn:aws:iam::(\d{12}):role\/(.+)$/.exec(role);
    const key = {
      ...fresh("ASIA"),
      sessionToken: randomBytes(96).toString("base64"),
      expiresAt: this.#clock.now() + lifetimeSeconds * 1000,
      arn: `arn:aws:sts::${account?.[1]}:assumed-role/${account?.[2]}/${session}`,
    };
    this.add(key);
    return key;
  }

  find(accessKeyId: string): KnownKey | undefined {
    return this.#keys.get(accessKeyId);
  }

  /** From now on this temporary key counts as expired, whatever its date says. */
  expire(accessKeyId: string): void {
    const key = this.#keys.get(accessKeyId);
    if (key !== undefined) this.#keys.set(accessKeyId, { ...key, expiresAt: 0 });
  }

  add(key: KnownKey): KnownKey {
    this.#keys.set(key.accessKeyId, key);
    return key;
  }
}

const fresh = (prefix: string) => ({
  accessKeyId: `${prefix}${randomBytes(8).toString("hex").toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString("base64"),
});
