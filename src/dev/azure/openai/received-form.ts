/** A multipart body as Azure reads it, which is laxer than the gateway. */
export interface ReceivedForm {
  readonly fields: Readonly<Record<string, string>>;
  /** The last file. */
  readonly file: { readonly filename: string; readonly content: Buffer } | undefined;
}

/** @returns undefined for a body of another type */
export function readReceivedForm(contentType: string | undefined, bytes: Buffer): ReceivedForm | undefined {
  const boundary = /^multipart\/form-data;\s*boundary="?([^";]+)"?/i.exec(contentType ?? "")?.[1];
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`--${boundary}`, "latin1");
  const fields: Record<string, string> = {};
  let file: ReceivedForm["file"];
  let begin = bytes.indexOf(delimiter);
  while (begin !== -1) {
    const next = bytes.indexOf(delimiter, begin + delimiter.length);
    if (next === -1) break;
    const headEnd = bytes.indexOf("\r\n\r\n", begin);
    if (headEnd !== -1 && headEnd < next) {
      const head = bytes.toString("utf8", begin + delimiter.length, headEnd);
      const content = bytes.subarray(headEnd + 4, next - 2);
      const filename = /; filename="([^"]*)"/i.exec(head)?.[1];
      if (filename === undefined)
        fields[/; name="([^"]*)"/i.exec(head)?.[1] ?? ""] = content.toString("utf8");
      else file = { filename, content };
    }
    begin = next;
  }
  return { fields, file };
}
