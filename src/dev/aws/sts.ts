import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { FaultSwitch, playFault } from "../azure/faults.ts";
import { listen } from "../azure/listen.ts";
import { receive, type ReceivedRequest } from "../azure/openai/received-request.ts";
import { RequestLog } from "../azure/request-log.ts";
import type { Keyring, KnownKey } from "./keyring.ts";
import { type AwsError, checkSignature } from "./signature-check.ts";

/** A role that can be assumed. */
export interface LocalRole {
  /** `arn:aws:iam::123456789012:role/NAME`. */
  readonly arn: string;
  /** Absent: any caller, whatever external id it says or does not say. */
  readonly externalId?: string;
}

export interface StsOptions {
  readonly keyring: Keyring;
  readonly roles: readonly LocalRole[];
  readonly clock?: Clock;
  readonly port?: number;
}

/** What STS was asked, in its own parameters (`RoleArn`, `ExternalId` ...). */
export type StsRequest = Readonly<Record<string, string>>;

/** A local AWS Security Token Service over plain http: AssumeRole, AssumeRoleWithWebIdentity, GetCallerIdentity. */
export interface LocalSts {
  /** `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_STS`. */
  readonly url: string;
  readonly requests: RequestLog<StsRequest>;
  readonly faults: FaultSwitch;
  /** Web identity tokens that count. */
  readonly webTokens: Set<string>;
  /** For the sessions to come; default: what is asked for, or an hour. */
  setLifetime(seconds: number | undefined): void;
  stop(): Promise<void>;
}

/** @throws Error when the port is taken. */
export async function startSts(options: StsOptions): Promise<LocalSts> {
  const { keyring, roles, clock = systemClock, port = 0 } = options;
  const requests = new RequestLog<StsRequest>();
  const faults = new FaultSwitch();
  const webTokens = new Set<string>();
  let lifetime: number | undefined;

  const session = (asked: StsRequest): KnownKey & { sessionToken: string } =>
    keyring.addSession(
      asked["RoleArn"] ?? "",
      asked["RoleSessionName"] ?? "",
      lifetime ?? Number(asked["DurationSeconds"] ?? 3600),
    );

  function answer(asked: StsRequest, received: ReceivedRequest, body: Buffer): string | AwsError {
    if (asked["Action"] === "AssumeRoleWithWebIdentity") {
      if (!webTokens.has(asked["WebIdentityToken"] ?? ""))
        return { status: 400, type: "InvalidIdentityToken", message: "The ID Token provided is not valid." };
      return roles.some(({ arn }) => arn === asked["RoleArn"])
        ? sessionXml("AssumeRoleWithWebIdentity", session(asked))
        : denied("web identity", "sts:AssumeRoleWithWebIdentity", asked);
    }
    const verdict = checkSignature({ ...received, body }, { keyring, clock, service: "sts" });
    // STS speaks of the same faults under the names of its own protocol.
    if ("error" in verdict) return { ...verdict.error, type: stsName(verdict.error.type) };
    if (asked["Action"] === "GetCallerIdentity") return callerXml(verdict.key);
    if (asked["Action"] !== "AssumeRole")
      return { status: 400, type: "InvalidAction", message: `Could not find operation ${asked["Action"]}` };
    const role = roles.find(({ arn }) => arn === asked["RoleArn"]);
    const may =
      role !== undefined && (role.externalId === undefined || role.externalId === asked["ExternalId"]);
    return may ? sessionXml("AssumeRole", session(asked)) : denied(verdict.key.arn, "sts:AssumeRole", asked);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = receive(request, response, () => 0);
    const body = await received.body.catch(() => undefined);
    if (body === undefined) return;
    const asked = Object.fromEntries(new URLSearchParams(body.toString("utf8")));
    requests.add(asked);
    if ((await playFault(faults.take(asked["Action"] ?? ""), request, response)) === "done") return;
    const said = answer(asked, received, body);
    const [status, xml] = typeof said === "string" ? [200, said] : [said.status, errorXml(said)];
    response.writeHead(status, { "content-type": "text/xml" }).end(xml);
  }

  const listening = await listen({ service: "local STS", port, handle: serve });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    requests,
    faults,
    webTokens,
    setLifetime: (seconds) => {
      lifetime = seconds;
    },
    stop: listening.stop,
  };
}

const stsName = (type: string): string =>
  ({
    UnrecognizedClientException: "InvalidClientTokenId",
    InvalidSignatureException: "SignatureDoesNotMatch",
    ExpiredTokenException: "ExpiredToken",
    MissingAuthenticationTokenException: "MissingAuthenticationToken",
    IncompleteSignatureException: "IncompleteSignature",
  })[type] ?? type;

const denied = (who: string, action: string, asked: StsRequest): AwsError => ({
  status: 403,
  type: "AccessDenied",
  message: `User: ${who} is not authorized to perform: ${action} on resource: ${asked["RoleArn"]}`,
});

const namespace = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
const metadata = () => `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;

const sessionXml = (action: string, key: KnownKey & { sessionToken: string }): string =>
  `<${action}Response ${namespace}><${action}Result><AssumedRoleUser><Arn>${key.arn}</Arn><AssumedRoleId>AROA:local</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>${key.accessKeyId}</AccessKeyId><SecretAccessKey>${key.secretAccessKey}</SecretAccessKey><SessionToken>${key.sessionToken}</SessionToken><Expiration>${new Date(key.expiresAt ?? 0).toISOString()}</Expiration></Credentials></${action}Result>${metadata()}</${action}Response>`;

const callerXml = ({ arn }: KnownKey): string =>
  `<GetCallerIdentityResponse ${namespace}><GetCallerIdentityResult><Arn>${arn}</Arn><UserId>AIDALOCAL</UserId><Account>${arn.split(":")[4]}</Account></GetCallerIdentityResult>${metadata()}</GetCallerIdentityResponse>`;

const errorXml = ({ type, message }: AwsError): string =>
  `<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>${type}</Code><Message>${message}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`;
