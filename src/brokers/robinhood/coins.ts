/**
 * Whether coins are to be read at all, and of which crypto account. Most accounts have none, and three calls of a cycle
 * would be spent on saying so.
 */
import { type CryptoAccount, type CryptoMemory } from './state.ts';
import { type Known } from './accounts.ts';
import { readList } from './lists.ts';
import { type Reading } from './reading.ts';
import { wireCryptoAccount } from './wireCrypto.ts';

const HOUR_MS = 3_600_000;

/** After the last coin was sold, its trades are looked for a day longer. */
const AFTERGLOW_MS = 24 * HOUR_MS;

/**
 * The crypto account, null where there is nothing to read: the balances show no coins and none were held lately, or this
 * account has no crypto account (asked again after an hour). `always` asks whatever the balances show.
 */
export async function cryptoAccountOf<Rows>(
  reading: Reading<Rows>,
  memory: CryptoMemory,
  known: Known,
  monoMs: number,
  always = false,
): Promise<CryptoAccount | null> {
  const isGlowing = memory.heldMs !== null && monoMs - memory.heldMs < AFTERGLOW_MS;
  if (!always && memory.shown === false && !isGlowing) return null;
  const isKnown =
    memory.account !== undefined &&
    (memory.account !== null || (!always && monoMs - memory.askedMs < HOUR_MS));
  if (!isKnown) {
    memory.account = await askAccount(reading, known);
    memory.askedMs = monoMs;
  }
  return memory.account ?? null;
}

/** Crypto accounts have numbers of their own; they name the brokerage account they belong to. */
async function askAccount<Rows>(reading: Reading<Rows>, known: Known): Promise<CryptoAccount | null> {
  const question = {
    resource: 'nummus_accounts',
    host: 'nummus',
    path: '/accounts/',
    query: {},
    rows: null,
  } as const;
  const numbers = [known.accountNumber, known.rhsAccountNumber];
  for (const { raw } of (await readList(reading, question, null)).rows) {
    const parsed = wireCryptoAccount.safeParse(raw);
    if (!parsed.success || parsed.data.rhs_account_number === null) continue;
    const { id, rhs_account_number: rhsAccountNumber } = parsed.data;
    if (numbers.includes(rhsAccountNumber)) return { id, rhsAccountNumber };
  }
  return null;
}

/** Rows of another crypto account alone mean that the filter was not understood; among ours they are left out. */
export function ownCoins<Rows, Row extends { readonly raw: unknown }>(
  reading: Reading<Rows>,
  resource: string,
  rows: readonly Row[],
  account: CryptoAccount,
): readonly Row[] {
  const isOwn = ({ raw }: Row): boolean => {
    const id = raw !== null && typeof raw === 'object' ? (raw as { account_id?: unknown }).account_id : null;
    return typeof id !== 'string' || id === account.id;
  };
  const own = rows.filter(isOwn);
  if (own.length === 0 && rows.length > 0)
    reading.fail('wrong_account', `Robinhood's answer for ${resource} is about another account.`);
  return own;
}
