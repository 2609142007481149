/** What a deployment is called at the backend; undefined when it does not live there. */
export type NameAtBackend = (deployment: string) => string | undefined;
