import { describeFault, GatewayError } from "../../kernel/errors.ts";

/**
 * The AWS SDK's faults as one sentence that says what to do. Its own error objects stop here: they carry requests and
 * answers, and an answer may hold keys.
 */
export function explainAwsFault(fault: unknown, who: string): GatewayError {
  if (fault instanceof GatewayError)
    return new GatewayError("credential_unavailable", `${who}: ${describeFault(fault)}`);
  const { name, status, text } = read(fault);
  return new GatewayError("credential_unavailable", `${who}: ${advice(name, status, text)}`, {
    cause: new Error(text === "" ? name : text),
  });
}

function advice(name: string, status: number | undefined, text: string): string {
  if (
    /ECONNREFUSED|ENOTFOUND|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|socket hang up/i.test(
      `${name} ${text}`,
    )
  )
    return "STS or the metadata service cannot be reached; is its endpoint right, and does no firewall stand between?";
  if (/timeout/i.test(name) || /timed out|did not (?:establish|respond)/i.test(text))
    return "STS or the metadata service does not answer in time; it is asked again after a pause";
  switch (name) {
    case "AccessDenied":
    case "AccessDeniedException":
      return "STS does not let this identity assume the role; do the role's trust policy and the external id fit, and does the identity have the right sts:AssumeRole?";
    case "InvalidIdentityToken":
    case "InvalidIdentityTokenException":
      return "STS does not accept the web identity token; is its issuer an identity provider of the account, and its audience right?";
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "ExpiredTokenExceptionException":
      return "the token or key that is exchanged has expired; is it still rotated, and is this machine's clock right?";
    case "SignatureDoesNotMatch":
    case "RequestExpired":
    case "RequestTimeTooSkewed":
      return "STS does not accept the signature; is the secret access key the right one, and this machine's clock right?";
    case "InvalidClientTokenId":
    case "UnrecognizedClientException":
      return "STS does not know the access key; was it deleted or deactivated, or is it of another partition?";
    case "RegionDisabledException":
      return "STS is not activated in this region for the account; activate it, or name another region";
    case "Throttling":
    case "ThrottlingException":
      return "STS throttles; it is asked again after a pause";
    case "CredentialsProviderError":
      if (/invalid response/i.test(text))
        return "STS, or something else at its address, answers without keys";
      return /profile/i.test(text)
        ? "the shared files have no such profile, or it holds no way to keys; check its name and the files"
        : "no way to keys was found; set the environment, a shared file, or a role for this host";
  }
  if (status !== undefined && status >= 500)
    return `STS or the metadata service fails with status ${status}; it is asked again after a pause`;
  if (/ENOENT|EACCES/.test(`${name} ${text}`))
    return "a file that it needs cannot be read; is it mounted, and may the gateway's user read it?";
  return "no keys could be obtained";
}

function read(fault: unknown): { name: string; status: number | undefined; text: string } {
  if (!(fault instanceof Error)) return { name: "", status: undefined, text: withoutSecrets(String(fault)) };
  const metadata: unknown = Reflect.get(fault, "$metadata");
  const status: unknown =
    typeof metadata === "object" && metadata !== null ? Reflect.get(metadata, "httpStatusCode") : undefined;
  const code: unknown = Reflect.get(fault, "Code") ?? Reflect.get(fault, "code");
  const name = fault.name === "Error" && typeof code === "string" ? code : fault.name;
  const inner = fault instanceof AggregateError ? fault.errors.map(String).join(", ") : "";
  return {
    name: /^[A-Za-z]{1,64}$/.test(name) ? name : "Error",
    status: typeof status === "number" ? status : undefined,
    text: withoutSecrets(`${fault.message}${inner}`).slice(0, 500),
  };
}

/** The SDK quotes an answer that it cannot parse: anything that could be a key, a token or a piece of XML goes. */
const withoutSecrets = (text: string): string =>
  text.replace(/<[^]*/, "[removed]").replaceAll(/eyJ[\w-]{8,}(?:\.[\w-]*){0,4}|[\w+/=]{40,}/g, "[removed]");
