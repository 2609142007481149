import { hash, X509Certificate } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import { type AppRegistration, type Refusal, refuse } from "./app-registration.ts";
import { isSignedBy, type JsonWebToken, readJsonWebToken } from "./json-web-token.ts";

/** How an assertion proved itself; tests look at it. */
export type AssertionProof = "certificate" | "certificate-chain" | "federated";

/** Judges a `client_assertion`: the app's own, signed with its certificate's key, or another issuer's about it. */
export function judgeAssertion(
  text: string,
  app: AppRegistration,
  tokenEndpoint: string,
  clock: Clock,
): AssertionProof | Refusal {
  const token = readJsonWebToken(text);
  if (token === undefined) return refuse(50027, "JWT token is invalid or malformed.");
  const { claims } = token;
  const now = clock.now() / 1000;
  const notBefore = Number(claims["nbf"] ?? 0);
  const expiry = Number(claims["exp"] ?? 0);
  if (now >= expiry || now < notBefore - 300)
    return refuse(700024, "Client assertion is not within its valid time range.");
  return claims["iss"] === app.clientId ? judgeOwn(token, app, tokenEndpoint) : judgeFederated(token, app);
}

function judgeOwn(
  token: JsonWebToken,
  app: AppRegistration,
  tokenEndpoint: string,
): AssertionProof | Refusal {
  const { header, claims } = token;
  if (claims["aud"] !== tokenEndpoint || claims["sub"] !== app.clientId || claims["jti"] === undefined)
    return refuse(50012, "Client assertion contains an invalid audience or subject.");
  const known = app.certificates
    .map((pem) => new X509Certificate(pem))
    .find((certificate) => isMeant(header, certificate));
  if (known !== undefined)
    return isSignedBy(token, known.publicKey)
      ? "certificate"
      : refuse(700027, "The certificate's key did not sign the assertion.");
  const sent = leafOf(header);
  const trusted = app.trustedSubject;
  if (sent !== undefined && trusted !== undefined && isMeant(header, sent)) {
    const ca = new X509Certificate(trusted.caPem);
    if (sent.subject === trusted.subject && chainLeadsTo(header, ca) && isSignedBy(token, sent.publicKey))
      return "certificate-chain";
  }
  return refuse(
    700027,
    "The certificate with identifier used to sign the client assertion is not registered on application.",
  );
}

const isMeant = (header: JsonWebToken["header"], { raw }: X509Certificate): boolean =>
  header["x5t#S256"] === hash("sha256", raw, "base64url") || header["x5t"] === hash("sha1", raw, "base64url");

function certificatesIn(header: JsonWebToken["header"]): X509Certificate[] {
  const { x5c } = header as { x5c?: unknown };
  if (!Array.isArray(x5c)) return [];
  return x5c.map((text) => new X509Certificate(Buffer.from(String(text), "base64")));
}

const leafOf = (header: JsonWebToken["header"]): X509Certificate | undefined => certificatesIn(header)[0];

function chainLeadsTo(header: JsonWebToken["header"], ca: X509Certificate): boolean {
  const chain = certificatesIn(header);
  return chain.every((certificate, index) => {
    const issuer = chain[index + 1] ?? ca;
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  });
}

function judgeFederated(token: JsonWebToken, app: AppRegistration): AssertionProof | Refusal {
  const { iss, sub, aud } = token.claims;
  const fromIssuer = app.federated.filter(({ issuer }) => issuer === iss);
  if (fromIssuer.length === 0)
    return refuse(700211, `No matching federated identity record found for presented assertion issuer.`);
  const forSubject = fromIssuer.filter(({ subject }) => subject === sub);
  if (forSubject.length === 0)
    return refuse(700213, "No matching federated identity record found for presented assertion subject.");
  const match = forSubject.find(({ audience }) =>
    Array.isArray(aud) ? aud.includes(audience) : aud === audience,
  );
  if (match === undefined)
    return refuse(700212, "No matching federated identity record found for presented assertion audience.");
  return isSignedBy(token, match.key)
    ? "federated"
    : refuse(50166, "The assertion's signature does not verify with its issuer's key.");
}
