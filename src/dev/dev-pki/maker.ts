import { X509Certificate } from "node:crypto";

import type { Authority, IssuedCertificate, LeafOptions } from "../pki/authority.ts";
import type { PkiFolder } from "./folder.ts";
import { faultOfAuthority, faultOfCrl, faultOfLeaf } from "./judge.ts";
import { authorityValidity, crlPlan, dayMs, type LeafPlan, subjectOf } from "./plan.ts";
import { readStored, type StoredCertificate } from "./stored-certificate.ts";

/** What became of one item. `made`: it was absent or damaged. */
export interface DevPkiItem {
  /** E.g. `root-ca`, `clients/allowed`, `crl/root-ca`. */
  readonly name: string;
  readonly outcome: "made" | "renewed" | "reused";
  /** Why it was not reused, in half a sentence. */
  readonly why?: string;
}

/** A CA that was stored or has just been made. */
export interface DevAuthority {
  readonly certificate: X509Certificate;
  readonly pem: string;
  /** Ready to sign. It loads the certificate library, which a start that reuses everything can do without. */
  readonly signer: () => Promise<Authority>;
}

/** Makes, renews or reuses one item after the other, and keeps the record. */
export class Maker {
  readonly report: DevPkiItem[] = [];
  readonly #folder: PkiFolder;
  readonly #now: number;

  constructor(folder: PkiFolder, now: number) {
    this.#folder = folder;
    this.#now = now;
  }

  async authority(name: string, commonName: string, issuer?: DevAuthority): Promise<DevAuthority> {
    const { stored, ...rest } = await readStored(this.#folder, name);
    const validity = issuer === undefined ? authorityValidity.root : authorityValidity.intermediate;
    if (stored !== undefined) {
      const fault = faultOfAuthority(stored, commonName, issuer?.certificate);
      const due = fault ?? dueDate(stored, validity, this.#now);
      if (due === undefined) {
        await this.#reuse(name);
        return {
          certificate: stored.chain[0],
          pem: stored.chainPem,
          signer: async () => {
            const { restoreAuthority } = await builder();
            return restoreAuthority(stored.chainPem, stored.keyPem, await issuer?.signer());
          },
        };
      }
      this.report.push({ name, outcome: fault === undefined ? "renewed" : "made", why: due });
    } else this.report.push({ name, outcome: "made", ...rest });
    const { createAuthority } = await builder();
    const above = await issuer?.signer();
    const made = await createAuthority({
      subject: subjectOf(commonName),
      ...this.#dates(validity),
      ...(above === undefined ? {} : { issuer: above }),
    });
    await this.#writePair(name, made.pem, made.keyPem);
    return { certificate: new X509Certificate(made.certificate), pem: made.pem, signer: async () => made };
  }

  async leaf(plan: LeafPlan, intermediate: DevAuthority): Promise<StoredCertificate> {
    const { stored, ...rest } = await readStored(this.#folder, plan.name);
    if (stored !== undefined) {
      const fault = faultOfLeaf(stored, plan, intermediate.certificate);
      const due = fault ?? dueDate(stored, plan.validity, this.#now);
      if (due === undefined) {
        await this.#reuse(plan.name);
        return stored;
      }
      this.report.push({ name: plan.name, outcome: fault === undefined ? "renewed" : "made", why: due });
    } else this.report.push({ name: plan.name, outcome: "made", ...rest });
    const made = await this.#issue(plan, intermediate);
    await this.#writePair(plan.name, made.chainPem, made.keyPem);
    const [leaf, ...others] = made.chain.map((der) => new X509Certificate(der));
    if (leaf === undefined) throw new Error(`${plan.name}: nothing was issued`);
    return { chain: [leaf, ...others], chainPem: made.chainPem, keyPem: made.keyPem };
  }

  async crl(name: string, issuer: DevAuthority, revoked: readonly X509Certificate[]): Promise<void> {
    const file = `${name}.pem`;
    const old = await this.#folder.read(file);
    const why = faultOfCrl(old, issuer.certificate, revoked, this.#now);
    if (why === undefined) {
      this.report.push({ name, outcome: "reused" });
      return;
    }
    this.report.push({ name, outcome: old === undefined ? "made" : "renewed", why });
    const signer = await issuer.signer();
    const thisUpdate = new Date(this.#now - 60_000);
    const { pem } = await signer.crl({
      thisUpdate,
      nextUpdate: new Date(this.#now + crlPlan.days * dayMs),
      // Seconds since the epoch only ever grow, which is all that a CRL number must do (RFC 5280 5.2.3).
      number: Math.floor(this.#now / 1000),
      revoked: revoked.map(({ serialNumber }) => ({
        serial: serialNumber,
        date: thisUpdate,
        reason: "keyCompromise" as const,
      })),
    });
    await this.#folder.write(file, pem, "public");
  }

  async #issue(plan: LeafPlan, intermediate: DevAuthority): Promise<IssuedCertificate> {
    const { createAuthority, createSelfSigned } = await builder();
    const options: LeafOptions = {
      subject: subjectOf(plan.commonName),
      extendedKeyUsage: [plan.extendedKeyUsage],
      subjectAltNames: plan.subjectAltNames,
      ...this.#dates(plan.validity),
    };
    if (plan.issuer === "self") return createSelfSigned(options);
    if (plan.issuer === "intermediate") return (await intermediate.signer()).issue(options);
    // Nobody needs the stranger's CAs again: they are forgotten as soon as they have issued.
    const root = await createAuthority({ subject: subjectOf("Stranger Root CA") });
    const issuer = await createAuthority({ subject: subjectOf("Stranger Intermediate CA"), issuer: root });
    return issuer.issue(options);
  }

  #dates(validity: { readonly from: number; readonly until: number }) {
    return {
      notBefore: new Date(this.#now + validity.from * dayMs),
      notAfter: new Date(this.#now + validity.until * dayMs),
    };
  }

  async #reuse(name: string): Promise<void> {
    await this.#folder.keepSecret(`${name}.key`);
    this.report.push({ name, outcome: "reused" });
  }

  /** The key first: after a crash between the two, the old certificate does not match it and is made anew. */
  async #writePair(name: string, pem: string, keyPem: string): Promise<void> {
    await this.#folder.write(`${name}.key`, keyPem, "secret");
    await this.#folder.write(`${name}.pem`, pem, "public");
  }
}

const builder = () => import("../pki/authority.ts");

const dueDate = ({ chain }: StoredCertificate, validity: LeafPlan["validity"], now: number) =>
  validity.due(chain[0].validFromDate.getTime(), chain[0].validToDate.getTime(), now);
