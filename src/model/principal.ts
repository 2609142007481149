/** Who is calling: made by an authenticator only, after everything about the proof was checked. */
export interface Principal {
  /** The client entry's name in the configuration. */
  readonly client: string;
  readonly via: "client-certificate";
  /** SHA-256 of the certificate, 64 lower-case hex digits. */
  readonly thumbprint: string;
  /** The certificate's subject in RFC 4514 form. */
  readonly subject: string;
  /** The certificate's serial number, lower-case hex of the INTEGER's bytes. */
  readonly serial: string;
}
