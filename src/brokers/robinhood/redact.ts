/** Takes account numbers and credentials out of what is kept as evidence or shown in an error. */

/** `5QA10001` -> `****0001`; of a short one nothing is left. */
export function maskTail(text: string): string {
  return text.length <= 4 ? '****' : `****${text.slice(-4)}`;
}

/** Members that hold the number of an account at one of the hosts, quoted or as a bare number. */
const NUMBER_MEMBERS =
  /"(account_number|account_number_rhs|rhs_account_number|apex_account_number|account_id|originating_account_id|receiving_account_id)"(\s*:\s*)(?:"([^"]*)|(-?\d[\d.eE+-]*))/g;

/** A number inside an address or a path: `/accounts/5QA10001/`, `/positions/5QA10001/...`, `account_numbers=5QA10001`. */
const NUMBER_IN_PATH = /(\/(?:accounts|positions|portfolios)\/)([0-9A-Za-z]{4,32})(?=[/"?\s]|$)/g;
const NUMBER_IN_QUERY = /\b((?:rhs_)?account_numbers?=)([0-9A-Za-z%,]+)/g;

/** Words that stand where a number may, and are none. */
const NO_NUMBERS: ReadonlySet<string> = new Set(['unified', 'sweeps', 'stock_loan_payments']);

/** Persons: who logs in is nobody's business but theirs. */
const PERSON_MEMBERS = /"(username|email|first_name|last_name|profile_name)"(\s*:\s*)"[^"]*/g;

/** What has the shape of an account number, in the words of a refusal that may name one never learned. */
const ACCOUNT_SHAPES = /\b(?=[0-9A-Z]*\d)[0-9A-Z]{8,12}\b/g;

export interface Redactor {
  /** A number of the account: masked down to its last four characters wherever it stands. */
  learn(identity: string): void;
  /** The text without identities and credentials, also when it is cut off in the middle of one. */
  redact(text: string, refused?: boolean): string;
}

/** `secrets` is asked each time, so that no copy of one is held here. */
export function createRedactor(secrets: () => readonly string[]): Redactor {
  const identities = new Set<string>();
  return {
    learn(identity) {
      if (identity.length >= 4) identities.add(identity);
    },
    redact(text, refused = false) {
      let result = text
        .replace(
          NUMBER_MEMBERS,
          (_whole, name: string, colon: string, quoted: string | undefined, bare: string | undefined) =>
            `"${name}"${colon}"${maskTail(quoted ?? bare ?? '')}${bare === undefined ? '' : '"'}`,
        )
        .replace(NUMBER_IN_PATH, (whole, before: string, number: string) =>
          NO_NUMBERS.has(number) ? whole : `${before}${maskTail(number)}`,
        )
        .replace(NUMBER_IN_QUERY, (_whole, before: string, number: string) => `${before}${maskTail(number)}`)
        .replace(PERSON_MEMBERS, (_whole, name: string, colon: string) => `"${name}"${colon}"****`);
      for (const identity of identities) result = result.replaceAll(identity, maskTail(identity));
      for (const secret of secrets()) if (secret !== '') result = result.replaceAll(secret, '****');
      return refused ? result.replaceAll(ACCOUNT_SHAPES, maskTail) : result;
    },
  };
}
