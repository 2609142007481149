import manifest from "../../package.json" with { type: "json" };

/** Certgate's own. */
export const { version } = manifest;
