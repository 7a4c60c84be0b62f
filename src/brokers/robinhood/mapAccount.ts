/** Robinhood's account, portfolio and unified account -> balances and restrictions. Pure. */
import { type Decimal } from '../../domain/decimal.ts';
import { type SnapshotBalance } from '../../domain/snapshot.ts';
import { firstProblem } from '../wireWords.ts';
import { HOME, type Problem, quoted } from './mapped.ts';
import {
  accountFigures,
  RESTRICTION_FLAGS,
  RESTRICTION_LOCKS,
  type WireAccount,
  type WirePortfolio,
  type WireUnified,
} from './wire.ts';

/**
 * The one balance row and what could not be read of it: an unreadable figure is null, never zero. Equity is the unified
 * account's, coins included, as the app shows it (robinhood.md 2.4); where that states none, the portfolio's, which holds
 * no coins and so counts only while the unified account shows none. Robinhood states market values net of shorts, so long
 * and short ones are not known.
 */
export function mapBalance(
  account: WireAccount,
  portfolio: WirePortfolio,
  unified: WireUnified | null,
): { balance: SnapshotBalance; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const figure = (name: keyof typeof accountFigures): Decimal | null => {
    const parsed = accountFigures[name].safeParse(account[name]);
    if (parsed.success && parsed.data !== null) return parsed.data;
    const path = `account.${name}`;
    problems.push(
      parsed.success ? { path, reason: 'the field is missing' } : firstProblem(parsed.error, path),
    );
    return null;
  };
  const balance: SnapshotBalance = {
    currency: HOME,
    equity: equityOf(portfolio, unified),
    cash: figure('portfolio_cash'),
    buyingPower: figure('buying_power'),
    longMarketValue: null,
    shortMarketValue: null,
  };
  return { balance, problems };
}

function equityOf(portfolio: WirePortfolio, unified: WireUnified | null): Decimal | null {
  if (unified === null) return null;
  return unified.total_equity?.amount ?? (unified.crypto === null ? portfolio.equity : null);
}

/** Whether the account shows coins; null where nobody says. */
export function showsCoins(unified: WireUnified | null): boolean | null {
  if (unified === null) return null;
  if (unified.crypto === null) return false;
  const values = [unified.crypto.equity, unified.crypto.market_value];
  return values.every((value) => value === null) ? null : values.some((value) => !isZero(value));
}

function isZero(value: { readonly amount: Decimal } | null): boolean {
  return value === null || value.amount.isZero();
}

/** Everything that should close the gate. A flag that is neither true, false nor absent counts as set. */
export function mapRestrictions(account: WireAccount): readonly string[] {
  const restrictions =
    account.state === 'active'
      ? []
      : [account.state === null ? 'the state is not stated' : `state ${account.state.slice(0, 40)}`];
  for (const name of RESTRICTION_FLAGS) {
    const flag = account[name];
    if (flag === true) restrictions.push(name);
    else if (flag !== false && flag !== undefined && flag !== null)
      restrictions.push(`${name} is not readable`);
  }
  for (const name of RESTRICTION_LOCKS) {
    const word = account[name];
    if (word === undefined || word === null || word === '' || word === 'none') continue;
    restrictions.push(`${name} ${typeof word === 'string' ? quoted(word) : 'is not readable'}`);
  }
  return restrictions;
}
