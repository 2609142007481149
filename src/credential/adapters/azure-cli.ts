import type { TokenSource } from "../../model/token-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import type { Advise } from "./identity-fault.ts";

export interface AzureCliOptions {
  readonly tenantId?: string;
  /** Id or name. */
  readonly subscription?: string;
  /** For the sentence that says what to type. */
  readonly scope: string;
}

/** How long `az` may take: it is a program in Python that may ask Entra. */
const processTimeoutInMs = 25_000;

/** Whoever is logged in to the Azure CLI as this process's user: for a developer's machine. */
export function createAzureCliCredential(options: AzureCliOptions): TokenSource {
  const { tenantId, subscription } = options;
  return createAzureTokenSource({
    identity: "Azure CLI",
    advise: adviseOnAzureCli(options),
    async make() {
      const { AzureCliCredential } = await import("@azure/identity");
      return new AzureCliCredential({
        processTimeoutInMs,
        ...(tenantId === undefined ? {} : { tenantId }),
        ...(subscription === undefined ? {} : { subscription }),
      });
    },
  });
}

const adviseOnAzureCli = ({ tenantId, subscription, scope }: AzureCliOptions): Advise => {
  const tenant = tenantId === undefined ? "" : ` --tenant ${tenantId}`;
  const again = `az login${tenant} --scope ${scope}`;
  return ({ text }) => {
    if (/could not be found|ENOENT/i.test(text))
      return `az is not installed, or not on the PATH of this process; install it (https://aka.ms/azure-cli), then type: az login${tenant}`;
    const code = /AADSTS(\d+)/.exec(text)?.[1];
    if (/subscription .*(?:not found|doesn't exist|isn't recognized)/is.test(text))
      return `the account that is logged in has no subscription "${subscription ?? ""}"; see which it has with: az account list --output table`;
    if (
      /65001|50105|53003|90093/.test(code ?? "") ||
      /consent|not authori[sz]ed|does not have .*permission/i.test(text)
    )
      return `the account that is logged in may not get tokens for ${scope}${aadsts(code)}; an administrator of the tenant must allow it, or log in with another account: ${again}`;
    if (/500011/.test(code ?? ""))
      return `the tenant does not know what the token is asked for${aadsts(code)}; correct scope or audience, or name the right tenantId`;
    if (code !== undefined || /interaction|refresh token|expired|--scope/i.test(text))
      return `the login does not count any more, or not for this${aadsts(code)}; type: ${again}`;
    if (/az login/i.test(text)) return `nobody is logged in as this process's user; type: az login${tenant}`;
    return "az gave no usable answer; see what it says to: az account get-access-token --output none";
  };
};

const aadsts = (code: string | undefined): string => (code === undefined ? "" : ` (AADSTS${code})`);
