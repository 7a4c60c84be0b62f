/** Takes account numbers and credentials out of what is kept as evidence or shown in an error. */

/** `PA3SYNCDEMO1` -> `****EMO1`. */
export function maskTail(text: string): string {
  return text.length <= 4 ? '****' : `****${text.slice(-4)}`;
}

/** Values that must never be kept: filled in as they become known. */
export interface Redactor {
  /** Account id and number: masked down to their last four characters. */
  learn(identity: string): void;
  /** The text without identities and credentials, also when it is cut off in the middle of one. */
  redact(text: string, resource: string): string;
}

/** `credentials` is asked each time, so that no copy of a secret is held here. */
export function createRedactor(credentials: () => readonly string[]): Redactor {
  const identities = new Set<string>();
  return {
    learn(identity) {
      if (identity !== '') identities.add(identity);
    },
    redact(text, resource) {
      // In the account's own answer the plain `id` is the account's; elsewhere it is the row's.
      const names = resource === 'account' ? 'id|account_id|account_number' : 'account_id|account_number';
      let result = text.replace(
        new RegExp(`"(${names})"(\\s*:\\s*)"([^"]*)`, 'g'),
        (_whole, name: string, colon: string, value: string) => `"${name}"${colon}"${maskTail(value)}`,
      );
      for (const identity of identities) result = result.replaceAll(identity, maskTail(identity));
      for (const credential of credentials())
        if (credential !== '') result = result.replaceAll(credential, '****');
      return result;
    },
  };
}
