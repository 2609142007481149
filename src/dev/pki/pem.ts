/** DER to PEM, 64 columns, with a final newline (RFC 7468). */
export function toPem(label: "CERTIFICATE" | "X509 CRL" | "PRIVATE KEY", der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
