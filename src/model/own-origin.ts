/**
 * Whether a page (the header `Origin`, RFC 6454 7) is one of the gateway's own. A browser presents its user's
 * certificate to whatever page asks, so where it asks nobody first, another site's page must be refused.
 * @param host the header `Host` of the same request
 */
export function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const [, named] = /^https:\/\/([^/?#@]+)$/i.exec(origin) ?? [];
  return named !== undefined && named.toLowerCase() === host?.toLowerCase();
}
