import { isIP } from "node:net";
import { GatewayError } from "../kernel/errors.ts";

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy of a backend, as its configuration says.
 * @param proxy `none`, a URL, or `environment`: HTTPS_PROXY unless NO_PROXY excepts the host, as Go reads them; the
 * loopback is always excepted then
 * @throws GatewayError `internal_error` for a HTTPS_PROXY that names no HTTP proxy: going directly would be another way
 * than the one that was asked for
 */
export function proxyOf(origin: string, proxy: string, env: ProxyEnvironment): string | undefined {
  if (proxy === "none") return undefined;
  if (proxy !== "environment") return proxy;
  const set = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const url = set("HTTPS_PROXY");
  if (url === undefined) return undefined;
  const { hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")))
    return undefined;
  const excepted = (set("NO_PROXY") ?? "")
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => excepts(entry.toLowerCase(), host, port === "" ? "443" : port));
  if (excepted) return undefined;
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
  // Its text may hold a password.
  if (!/^https?:/i.test(whole) || !URL.canParse(whole))
    throw new GatewayError(
      "internal_error",
      "HTTPS_PROXY of the environment is not the URL of an HTTP proxy; backends that need none have `proxy: none`",
    );
  return whole;
}

/** `*`, `example.com` (with all below it), `.example.com` (only what is below it), an address; a port may follow. */
function excepts(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const [, name = entry, wantedPort] = /^([^:]+|\[[^\]]+\]):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const wanted = name.replace(/^\[(.*)\]$/, "$1").replace(/^\*\./, ".");
  if (wanted.startsWith(".")) return host.endsWith(wanted);
  return host === wanted || (isIP(host) === 0 && host.endsWith(`.${wanted}`));
}
