/**
 * Why a port could not be opened, as a sentence with its mend.
 * @param cause what `listen` failed with
 * @param what e.g. `the gateway's port`
 * @param setting where it is chosen, e.g. `listen.port`
 */
export function listenProblem(
  cause: unknown,
  what: string,
  host: string,
  port: number,
  setting: string,
): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const address = `${host}:${port}`;
  if (code === "EADDRINUSE") return `${what} ${address} is in use already; choose another ${setting}`;
  if (code === "EACCES")
    return `${what} ${address} may not be opened by this user; choose a ${setting} above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `${what} ${address} is no address of this machine; see ${setting} and the host beside it`;
  return `${what} ${address} cannot be opened`;
}
