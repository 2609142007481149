import type { CertificateVersion, SecretVersion } from "./contents.ts";

const seconds = (ms: number): number => Math.floor(ms / 1000);

const recovery = { recoveryLevel: "Recoverable+Purgeable", recoverableDays: 90 } as const;

const certificateAttributes = ({ leaf, created, enabled }: CertificateVersion) => ({
  enabled,
  nbf: seconds(leaf.validFromDate.getTime()),
  exp: seconds(leaf.validToDate.getTime()),
  created: seconds(created),
  updated: seconds(created),
});

/** `CertificateBundle`: `cer` is the leaf only; the chain is in the secret. */
export const certificateBundle = (vault: string, name: string, certificate: CertificateVersion) => ({
  id: `${vault}/certificates/${name}/${certificate.version}`,
  kid: `${vault}/keys/${name}/${certificate.version}`,
  sid: `${vault}/secrets/${name}/${certificate.version}`,
  x5t: certificate.x5t,
  cer: certificate.leaf.raw.toString("base64"),
  attributes: { ...certificateAttributes(certificate), ...recovery },
  policy: certificatePolicy(vault, name, certificate),
  pending: { id: `${vault}/certificates/${name}/pending` },
});

/** `CertificateItem`, as in lists of versions. */
export const certificateItem = (vault: string, name: string, certificate: CertificateVersion) => ({
  id: `${vault}/certificates/${name}/${certificate.version}`,
  x5t: certificate.x5t,
  attributes: certificateAttributes(certificate),
});

export function certificatePolicy(vault: string, name: string, certificate: CertificateVersion) {
  const { leaf, contentType, created } = certificate;
  const details = leaf.publicKey.asymmetricKeyDetails;
  const curves: Readonly<Record<string, string>> = {
    prime256v1: "P-256",
    secp384r1: "P-384",
    secp521r1: "P-521",
  };
  const curve = curves[details?.namedCurve ?? ""];
  return {
    id: `${vault}/certificates/${name}/policy`,
    key_props: {
      exportable: true,
      kty: curve === undefined ? "RSA" : "EC",
      ...(curve === undefined ? { key_size: details?.modulusLength } : { crv: curve }),
      reuse_key: false,
    },
    secret_props: { contentType },
    x509_props: {
      subject: leaf.subject.replaceAll("\n", ", "),
      ekus: leaf.keyUsage ?? [],
      validity_months: 12,
    },
    issuer: { name: "Unknown" },
    attributes: { enabled: true, created: seconds(created), updated: seconds(created) },
  };
}

const secretAttributes = ({ created, enabled, notBefore, expiresOn }: SecretVersion) => ({
  enabled,
  ...(notBefore === undefined ? {} : { nbf: seconds(notBefore.getTime()) }),
  ...(expiresOn === undefined ? {} : { exp: seconds(expiresOn.getTime()) }),
  created: seconds(created),
  updated: seconds(created),
  ...recovery,
});

/** `SecretBundle`. `kid` and `managed` mark the secret of a certificate. */
export const secretBundle = (vault: string, name: string, secret: SecretVersion, ofCertificate: boolean) => ({
  value: secret.value,
  id: `${vault}/secrets/${name}/${secret.version}`,
  ...(secret.contentType === undefined ? {} : { contentType: secret.contentType }),
  attributes: secretAttributes(secret),
  ...(ofCertificate ? { kid: `${vault}/keys/${name}/${secret.version}`, managed: true } : {}),
});

export const secretItem = (vault: string, name: string, secret: SecretVersion) => ({
  id: `${vault}/secrets/${name}/${secret.version}`,
  ...(secret.contentType === undefined ? {} : { contentType: secret.contentType }),
  attributes: secretAttributes(secret),
});
