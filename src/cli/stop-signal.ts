/** Resolves at the first SIGTERM or SIGINT; a second one, whichever of them, ends the process at once. */
export async function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let isFirst = true;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (!isFirst) process.exit(130);
      isFirst = false;
      resolve(signal);
    });
  }
  return promise;
}
