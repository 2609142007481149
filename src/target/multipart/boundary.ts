/**
 * The boundary of a `multipart/form-data` type, or undefined where it is none, or not in a spelling that every parser
 * reads alike: one parameter, of letters that need no quotes (RFC 2046 5.1.1 allows more, and quotes around them).
 */
export function readBoundary(contentType: string): string | undefined {
  const match =
    /^multipart\/form-data[ \t]*;[ \t]*boundary=(?:([A-Za-z0-9'_.+-]{1,70})|"([A-Za-z0-9'_.+-]{1,70})")$/i.exec(
      contentType,
    );
  return match?.[1] ?? match?.[2];
}
