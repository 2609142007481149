import { env } from "node:process";
import { type AwsKeys } from "../aws-keys.ts";
import { explainAwsFault } from "./aws-fault.ts";
import { signAwsRequest } from "./aws-signature.ts";

/** Whom AWS takes the holder of some keys for. */
export interface AwsCaller {
  readonly account: string;
  readonly arn: string;
}

/**
 * Asks STS whose keys these are, which needs no right at all.
 * @throws GatewayError `credential_unavailable`
 */
export async function readAwsCaller(
  keys: AwsKeys,
  {
    // As the SDK does for the roles that it assumes.
    region = env["AWS_REGION"] ?? "us-east-1",
    endpoint = env["AWS_ENDPOINT_URL_STS"],
    now,
  }: { readonly region?: string; readonly endpoint?: string; readonly now: number },
): Promise<AwsCaller> {
  const origin = new URL(endpoint ?? `https://sts.${region}.${domainOf(region)}`).origin;
  const body = Buffer.from("Action=GetCallerIdentity&Version=2011-06-15");
  const headers = ["content-type", "application/x-www-form-urlencoded; charset=utf-8"];
  try {
    const request = { origin, method: "POST", path: "/", headers, body };
    const signature = await signAwsRequest(request, keys, { region, service: "sts", now });
    const pairs = [...headers, ...signature];
    const answer = await fetch(`${origin}/`, {
      method: "POST",
      headers: Object.fromEntries(
        pairs.flatMap((name, at) => (at % 2 === 0 ? [[name, pairs[at + 1] ?? ""]] : [])),
      ),
      body,
      redirect: "error",
      signal: AbortSignal.timeout(8000),
    });
    const text = await answer.text();
    const element = (name: string): string =>
      new RegExp(`<${name}>([^<]{1,2048})</${name}>`).exec(text)?.[1] ?? "";
    if (!answer.ok)
      throw Object.assign(new Error(element("Message")), {
        name: element("Code"),
        $metadata: { httpStatusCode: answer.status },
      });
    const caller = { account: element("Account"), arn: element("Arn") };
    if (caller.arn === "") throw new Error("STS answered without an ARN");
    return caller;
  } catch (fault) {
    const cause = fault instanceof TypeError && fault.cause instanceof Error ? fault.cause : fault;
    throw explainAwsFault(cause, "AWS caller identity");
  }
}

const domainOf = (region: string): string =>
  region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
