/** Which accounts a login has, and the figures of one of them. */
import { createHash } from 'node:crypto';
import { type BalancesAnswer } from '../broker.ts';
import { firstProblem } from '../wireWords.ts';
import { type ListRow, type Owner, readList } from './lists.ts';
import { mapBalance, mapRestrictions, showsCoins } from './mapAccount.ts';
import { HOME } from './mapped.ts';
import { type Reading } from './reading.ts';
import { type Redactor } from './redact.ts';
import {
  type WireAccount,
  wireAccount,
  type WirePortfolio,
  wirePortfolio,
  type WireUnified,
  wireUnified,
} from './wire.ts';

/** An account of the login. The number is for the adapter alone: it is shown by its last four characters. */
export interface FoundAccount {
  readonly accountNumber: string;
  readonly last4: string;
  /** `individual`, `ira_roth`, `ira_traditional`, `joint_tenancy_with_ros`, ...: an open set; null = not stated. */
  readonly type: string | null;
  readonly isDefault: boolean;
}

/**
 * Every account: no single list is known to hold all of them, IRAs and second accounts are left out of one or the other
 * (robinhood.md 2.1). So it is the union of three, and the detail of those that only the app's own list shows.
 */
export async function findAccounts(
  reading: Reading<readonly FoundAccount[]>,
  redactor: Redactor,
): Promise<readonly FoundAccount[]> {
  const found = new Map<string, FoundAccount>();
  const take = (account: WireAccount): void => {
    learn(redactor, account);
    const number = account.account_number;
    found.set(number, {
      accountNumber: number,
      last4: number.slice(-4),
      type: account.brokerage_account_type,
      isDefault: account.is_default === true,
    });
  };
  for (const query of [{}, ALL_ACCOUNTS])
    for (const account of await listAccounts(reading, query)) take(account);
  for (const row of await listUnified(reading)) {
    if (found.has(row.account_number)) continue;
    redactor.learn(row.account_number);
    const detail = await readDetail(reading, row.account_number);
    if (detail !== null) take(detail);
  }
  return [...found.values()];
}

/** The account that is read: the one that was named, else the default one. `hidden`: the list does not show it. */
export interface Known extends Owner {
  readonly rhsAccountNumber: string | null;
  readonly hidden: boolean;
}

const ALL_ACCOUNTS = { default_to_all_accounts: 'true' } as const;

/** The row of the account, in one call where it was seen before. Throws `wrong_account` where the login has none. */
export async function readAccountRow<Rows>(
  reading: Reading<Rows>,
  redactor: Redactor,
  wanted: string | null,
  known: Known | null,
): Promise<{ account: WireAccount; known: Known }> {
  const listed = known?.hidden === true ? [] : await listAccounts(reading, ALL_ACCOUNTS);
  const number = known?.accountNumber ?? wanted;
  let account = chosen(listed, number);
  const isHidden = account === null && number !== null;
  if (isHidden) account = await readDetail(reading, number);
  if (account === null || (number !== null && account.account_number !== number)) {
    reading.fail(
      'wrong_account',
      number === null
        ? 'Robinhood does not say which account of this login is the default one.'
        : `This Robinhood login has no account that ends in ${number.slice(-4)}.`,
    );
  }
  learn(redactor, account);
  return {
    account,
    known: {
      accountNumber: account.account_number,
      isDefault: account.is_default === true,
      rhsAccountNumber: account.rhs_account_number,
      hidden: isHidden,
    },
  };
}

function chosen(accounts: readonly WireAccount[], number: string | null): WireAccount | null {
  if (number !== null) return accounts.find((one) => one.account_number === number) ?? null;
  return accounts.find((one) => one.is_default === true) ?? (accounts.length === 1 ? accounts[0]! : null);
}

function learn(redactor: Redactor, account: WireAccount): void {
  redactor.learn(account.account_number);
  if (account.rhs_account_number !== null) redactor.learn(account.rhs_account_number);
}

/** Balances: three calls. Also whether the account shows coins (null = not stated), which decides what else is asked. */
export async function readBalances(
  reading: Reading<BalancesAnswer>,
  redactor: Redactor,
  wanted: string | null,
  known: Known | null,
): Promise<{ answer: BalancesAnswer; known: Known; coins: boolean | null }> {
  const { account, known: owner } = await readAccountRow(reading, redactor, wanted, known);
  const portfolio = await readPortfolio(reading, owner.accountNumber);
  const rows = await listUnified(reading);
  const unified = rows.find((row) => row.account_number === owner.accountNumber) ?? null;
  const { balance, problems } = mapBalance(account, portfolio, unified);
  for (const problem of problems) reading.quarantine('accounts', problem, account, null);
  const answer: BalancesAnswer = {
    accountFingerprint: fingerprint(account),
    accountLast4: owner.accountNumber.slice(-4),
    baseCurrency: HOME,
    balances: [balance],
    restrictions: mapRestrictions(account),
  };
  return { answer, known: owner, coins: showsCoins(unified) };
}

/**
 * Account numbers are short enough to be tried out one by one; the id of the person (a random UUID) in front of it makes
 * that hopeless.
 */
function fingerprint(account: WireAccount): string {
  const person = typeof account['user_id'] === 'string' ? account['user_id'] : '';
  return createHash('sha256')
    .update(`truebook-account|robinhood|${person}|${account.account_number}`)
    .digest('hex');
}

// ---- calls ------------------------------------------------------------------------------------------------------

async function listAccounts<Rows>(
  reading: Reading<Rows>,
  query: Readonly<Record<string, string>>,
): Promise<readonly WireAccount[]> {
  const question = { resource: 'accounts', host: 'api', path: '/accounts/', query, rows: null } as const;
  const { rows } = await readList(reading, question, null);
  return rows.flatMap((row) => readRow(reading, row));
}

function readRow<Rows>(reading: Reading<Rows>, { raw, path, sha256 }: ListRow): WireAccount[] {
  const parsed = wireAccount.safeParse(raw);
  if (parsed.success) return [parsed.data];
  reading.quarantine('accounts', firstProblem(parsed.error, path), raw, sha256);
  return [];
}

async function readDetail<Rows>(reading: Reading<Rows>, number: string): Promise<WireAccount | null> {
  if (!/^[0-9A-Za-z]{4,32}$/.test(number)) return null;
  const answer = await reading.find('account', 'api', `/accounts/${number}/`);
  if (answer === null) return null;
  const parsed = wireAccount.safeParse(answer.json);
  if (parsed.success) return parsed.data;
  const { path, reason } = firstProblem(parsed.error, 'account');
  return reading.fail('no_account', `Robinhood's answer is no account: ${path}: ${reason}.`);
}

async function readPortfolio<Rows>(reading: Reading<Rows>, number: string): Promise<WirePortfolio> {
  const { json } = await reading.get('portfolios', 'api', `/portfolios/${number}/`);
  const parsed = wirePortfolio.safeParse(json);
  if (!parsed.success) {
    const { path, reason } = firstProblem(parsed.error, 'portfolio');
    reading.fail('no_portfolio', `Robinhood's answer is no portfolio: ${path}: ${reason}.`);
  }
  if (!parsed.data.account.replace(/\/$/, '').endsWith(`/accounts/${number}`))
    reading.fail('wrong_account', "Robinhood's answer for portfolios is about another account.");
  return parsed.data;
}

async function listUnified<Rows>(reading: Reading<Rows>): Promise<readonly WireUnified[]> {
  const question = {
    resource: 'unified',
    host: 'bonfire',
    path: '/accounts/unified/',
    query: {},
    rows: null,
  } as const;
  const { rows } = await readList(reading, question, null);
  return rows.flatMap(({ raw, path, sha256 }) => {
    const parsed = wireUnified.safeParse(raw);
    if (parsed.success) return [parsed.data];
    reading.quarantine('unified', firstProblem(parsed.error, path), raw, sha256);
    return [];
  });
}
