const options = [
  ["the gateway's port", "--port"],
  ["the admin port", "--admin-port"],
  ["the local Key Vault's port", "--vault-port"],
  ["the local managed identity endpoint's port", "--identity-port"],
  ["the local Azure OpenAI's port", "--openai-port"],
] as const;

/**
 * A sentence about a port that cannot be opened, with the option of `certgate dev` that chooses it: who changes the
 * setting in the written configuration loses the change at the next start. Any other sentence stays as it is.
 */
export function withDevOption(sentence: string): string {
  const option = options.find(([what]) => sentence.startsWith(what))?.[1];
  return option === undefined
    ? sentence
    : sentence.replace(/(choose a(?:nother)?) [a-z.]*port/, `$1 ${option}`);
}
