/**
 * Headers by which some server, proxy or backend lets a request be another one than its request line and body say.
 * They are refused, not stripped: who sends one means something that the gateway did not authorise.
 */
const overrides: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "x-original-url",
  "x-original-uri",
  "x-rewrite-url",
  "azureml-model-deployment",
  "x-ms-oai-image-generation-deployment",
  "extra-parameters",
]);

/** Once, or the two ends may take different ones. llhttp refuses most of these; this does not rest on it. */
const once: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "expect",
]);

const jsonType = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;

/**
 * Reads a request's raw header list (name, value, name, value ...).
 * @returns the rule that it breaks, or undefined.
 */
export function brokenHeaderRule(headers: readonly string[], body: "json" | "none"): string | undefined {
  const seen = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    // CGI-like servers read `_` as `-`: both spellings are one name here.
    const name = (headers[at] ?? "").toLowerCase().replaceAll("_", "-");
    if (overrides.has(name)) return `the header ${name} is not accepted`;
    if (!once.has(name)) continue;
    if (seen.has(name)) return `the header ${name} must stand once`;
    seen.set(name, (headers[at + 1] ?? "").trim());
  }
  const expect = seen.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    return "the header expect may only be 100-continue";
  const length = seen.get("content-length");
  if (length !== undefined && seen.has("transfer-encoding"))
    return "content-length and transfer-encoding must not stand together";
  if (body === "none")
    return (length !== undefined && length !== "0") || seen.has("transfer-encoding")
      ? "this operation takes no body"
      : undefined;
  const encoding = seen.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return "a content-encoding other than identity is not accepted";
  if (!jsonType.test(seen.get("content-type") ?? ""))
    return "the content-type must be application/json, in UTF-8";
  return undefined;
}
