/** DER to PEM, 64 columns, with a final newline (RFC 7468). */
export function toPem(label: "CERTIFICATE" | "X509 CRL" | "PRIVATE KEY", der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** Every block with this label, as DER, in the order of the text. */
export function fromPem(label: "CERTIFICATE" | "X509 CRL", text: string): Buffer[] {
  const blocks = text.matchAll(new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`, "g"));
  return [...blocks].map((block) => Buffer.from(block[1] ?? "", "base64"));
}
