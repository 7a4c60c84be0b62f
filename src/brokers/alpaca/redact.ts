/** Takes account numbers and credentials out of what is kept as evidence or shown in an error. */

/** `PA3SYNCDEMO1` -> `****EMO1`. */
export function maskTail(text: string): string {
  return text.length <= 4 ? '****' : `****${text.slice(-4)}`;
}

/** "TAF fee for proceed of 50 shares on 2025-08-07 by 512345678": the number behind `by`. */
const NAMED_IN_WORDS = /\bby (PA[0-9A-Z]{8,12}|\d{9,12})\b/g;

/** Values that must never be kept: filled in as they become known. */
export interface Redactor {
  /** Account id and number: masked down to their last four characters. */
  learn(identity: string): void;
  /**
   * The text without identities and credentials, also when it is cut off in the middle of one. `refused`: the answer was
   * no 200, so its words may name an account that was never learned: whatever has the shape of one is masked.
   */
  redact(text: string, resource: string, refused?: boolean): string;
}

/** Account ids; numbers of paper accounts (`PA` and ten more) and of live ones (nine digits; error codes have eight). */
const ACCOUNT_SHAPES =
  /\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|PA[0-9A-Z]{8,12}|\d{9,12})\b/gi;

/** `credentials` is asked each time, so that no copy of a secret is held here. */
export function createRedactor(credentials: () => readonly string[]): Redactor {
  const identities = new Set<string>();
  return {
    learn(identity) {
      if (identity !== '') identities.add(identity);
    },
    redact(text, resource, refused = false) {
      // In the account's own answer the plain `id` is the account's; elsewhere it is the row's.
      const names = resource === 'account' ? 'id|account_id|account_number' : 'account_id|account_number';
      // Quoted, or a bare number: that one is quoted afterwards, because a mask is no number.
      let result = text.replace(
        new RegExp(`"(${names})"(\\s*:\\s*)(?:"([^"]*)|(-?\\d[\\d.eE+-]*))`, 'g'),
        (_whole, name: string, colon: string, quoted: string | undefined, bare: string | undefined) =>
          `"${name}"${colon}"${maskTail(quoted ?? bare ?? '')}${bare === undefined ? '' : '"'}`,
      );
      for (const identity of identities) result = result.replaceAll(identity, maskTail(identity));
      // Fees name the account in their words, also another account's where an answer was not ours.
      // (Lists of positions are long and have no words: looking for the word first is ten times cheaper.)
      if (result.includes('by '))
        result = result.replaceAll(NAMED_IN_WORDS, (_whole, number: string) => `by ${maskTail(number)}`);
      for (const credential of credentials())
        if (credential !== '') result = result.replaceAll(credential, '****');
      return refused ? result.replaceAll(ACCOUNT_SHAPES, maskTail) : result;
    },
  };
}
