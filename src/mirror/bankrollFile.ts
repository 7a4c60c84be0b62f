/** `bankroll_alpaca_paper.json`: what an older bot sizes its trades by, and what it knew before Truebook. Pure. */
import { type Account } from '../domain/account.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { type BalanceObservation, type StoredBankrollEntry } from '../store/store.ts';
import { isObject, JsonNumber, printKeptJson, readKeptJson, type KeptJson } from './exactJson.ts';
import { LAST_UPDATED } from './files.ts';

/** Says in the file whose it is, so that its value is never taken for one of an older program. */
const WRITTEN_BY = 'truebook';

/** How many adjustments the file lists; the book has them all. */
const ADJUSTMENTS_LISTED = 100;

export interface BankrollFacts {
  readonly account: Pick<Account, 'name' | 'env' | 'broker' | 'baseCurrency'>;
  /** Of the current epoch, newest first; at least one. */
  readonly entries: readonly StoredBankrollEntry[];
  /** In the account's base currency. */
  readonly balance: Pick<BalanceObservation, 'equity' | 'cash' | 'buyingPower'> | null;
}

/**
 * The file's text. Amounts are JSON numbers with all their digits, because older bots calculate with what `json.load`
 * gives them. Members that we do not know in `before`, the text of the file as it stands, are carried on as they are:
 * bots keep figures of their own in it.
 */
export function bankrollFileText(
  { account, entries, balance }: BankrollFacts,
  before: string | null,
): string {
  const [newest] = entries;
  const oldest = entries.at(-1);
  if (newest === undefined || oldest === undefined) throw new RangeError('There is no bankroll to write.');
  const adjustment = entries.find((entry) => entry.kind === 'sync_adjustment');
  const ours: Record<string, KeptJson> = {
    written_by: WRITTEN_BY,
    account: account.name,
    broker: account.broker,
    env: account.env,
    currency: newest.currency,
    bankroll: newest.after,
    current_bankroll: newest.after,
    balance: newest.after,
    equity: balance?.equity ?? null,
    cash: balance?.cash ?? null,
    buying_power: balance?.buyingPower ?? null,
    start_capital: oldest.after,
    previous_balance: newest.before,
    sync_adjustment: adjustment?.amount ?? null,
    sync_source: newest.source,
    last_updated: LAST_UPDATED,
    sync_adjustments: entries
      .slice(0, ADJUSTMENTS_LISTED)
      .toReversed()
      .map((entry) => ({
        timestamp: entry.firstSeenAt,
        event: entry.kind,
        before: entry.before,
        after: entry.after,
        amount: entry.amount,
        source: entry.source,
        cause: entry.causes.join(' '),
        env: entry.env,
      })),
  };
  const others = Object.entries(membersOf(before)).filter(([name]) => !Object.hasOwn(ours, name));
  return `${printKeptJson({ ...ours, ...Object.fromEntries(others) })}\n`;
}

function membersOf(text: string | null): { readonly [name: string]: KeptJson } {
  if (text === null) return {};
  try {
    const value = readKeptJson(text);
    return isObject(value) ? value : {};
  } catch {
    // Broken by somebody: it was backed up, nothing of it can be carried on.
    return {};
  }
}

/** Members that hold an older program's bankroll, the first that is a number counts: what the bot counts on, then what its last sync saw. */
const BANKROLL_MEMBERS = ['bankroll', 'current_bankroll', 'balance', 'equity'] as const;

/**
 * The bankroll an older program left in its file; null where the file is one of ours, whose value the book has itself.
 * Throws `usage` for text that is no JSON object or holds no amount.
 */
export function readForeignBankroll(text: string): Decimal | null {
  let value: KeptJson;
  try {
    value = readKeptJson(text);
  } catch {
    throw unreadable('It is no JSON.');
  }
  if (!isObject(value)) throw unreadable('It is no JSON object.');
  if (value['written_by'] === WRITTEN_BY) return null;
  for (const name of BANKROLL_MEMBERS) {
    const amount = amountOf(value[name]);
    if (amount !== null) return amount;
  }
  throw unreadable(`None of its members ${BANKROLL_MEMBERS.join(', ')} is an amount of money.`);
}

/** More than any person's account holds: such a number is a slip of the program that wrote it. */
const MOST = Decimal.parse('1e15');

function amountOf(value: KeptJson | undefined): Decimal | null {
  const text = value instanceof JsonNumber ? value.text : typeof value === 'string' ? value : '';
  const amount = Decimal.tryParse(text);
  return amount === null || amount.abs().compare(MOST) >= 0 ? null : amount;
}

function unreadable(reason: string): TruebookError {
  return new TruebookError('usage', `The bankroll file cannot be read. ${reason}`, {
    hint: 'It should hold an object such as {"current_bankroll": 1000.00}.',
  });
}
