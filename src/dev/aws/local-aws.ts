import { type Clock, systemClock } from "../../kernel/clock.ts";
import type { TlsFiles } from "../azure/listen.ts";
import { type LocalBedrock, startBedrock } from "./bedrock.ts";
import { Keyring } from "./keyring.ts";
import { type LocalRole, type LocalSts, startSts } from "./sts.ts";

export interface LocalAwsOptions {
  /** For Bedrock; the certificate must name localhost. */
  readonly tls: TlsFiles;
  readonly models: readonly string[];
  readonly roles?: readonly LocalRole[];
  readonly region?: string;
  readonly clock?: Clock;
}

/** The two services of AWS that the gateway needs, on loopback. */
export interface LocalAws {
  readonly bedrock: LocalBedrock;
  readonly sts: LocalSts;
  readonly keyring: Keyring;
  stop(): Promise<void>;
}

/** Starts both, or none. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const { tls, models, roles = [], region, clock = systemClock } = options;
  const keyring = new Keyring(clock);
  const sts = await startSts({ keyring, roles, clock });
  try {
    const bedrock = await startBedrock({
      tls,
      keyring,
      models,
      clock,
      ...(region === undefined ? {} : { region }),
    });
    return {
      bedrock,
      sts,
      keyring,
      stop: async () => {
        await Promise.all([bedrock.stop(), sts.stop()]);
      },
    };
  } catch (error) {
    await sts.stop();
    throw error;
  }
}
