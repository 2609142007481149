/**
 * The one spelling of a deployment's name: 1 to 64 of A-Z a-z 0-9 . _ - , starting with a letter or digit and not
 * ending with a dot. Names compare exactly, case included. No name in this alphabet changes its meaning in a URL
 * path, in a JSON string or in a log line.
 */
export const deploymentNamePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$/;

export const isDeploymentName = (text: string): boolean => deploymentNamePattern.test(text);
