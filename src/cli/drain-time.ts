/** How long exchanges under way may go on after the signal. */
export const drainMs = 20_000;
