/** What one account's broker would answer from: the truth as of a moment, less the rows a fault withholds. */
import { compareInstants, type Instant } from '../domain/time.ts';
import {
  type Account,
  type AdjustedContract,
  type CorporateAction,
  type Entry,
  type Order,
} from './entries.ts';
import { fold, type Standing } from './fold.ts';
import { type Ledger } from './ledger.ts';
import { type Market } from './market.ts';

export interface View {
  readonly account: Account;
  readonly now: Instant;
  readonly market: Market;
  readonly contracts: ReadonlyMap<string, AdjustedContract>;
  readonly actions: readonly CorporateAction[];
  readonly standing: Standing;
  /** Entries the broker lists, busts included, minus what a fault withholds. */
  readonly listed: readonly Entry[];
  readonly orders: readonly Order[];
}

export function viewOf(ledger: Ledger, name: string, now: Instant): View {
  const account = ledger.account(name);
  return {
    account,
    now,
    market: ledger.market,
    contracts: ledger.contracts,
    actions: ledger.actions,
    standing: ledger.standing(account, now),
    listed: publishedBy(account, now),
    orders: account.orders,
  };
}

/** The same view with its own copy of the market: it stays as it is while the world goes on. */
export function frozen(view: View): View {
  return { ...view, market: view.market.copy() };
}

export function publishedBy(account: Account, now: Instant): Entry[] {
  return account.entries.filter(
    (entry) => entry.publishedAt !== null && compareInstants(entry.publishedAt, now) <= 0,
  );
}

/** Positions and cash at an earlier moment of the same view. */
export function standingAt(view: View, at: Instant): Standing {
  return fold(view.account.entries, at);
}
