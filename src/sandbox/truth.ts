/** The oracle: what the brokers would answer now without faults, in the project's own words (design section 11). */
import { type Decimal } from '../domain/decimal.ts';
import { type Instant } from '../domain/time.ts';
import { type Account, type Entry } from './entries.ts';
import { totalsOf } from './faces/alpaca/account.ts';
import { activityId } from './faces/alpaca/wire.ts';
import { type Ledger } from './ledger.ts';
import { viewOf, type View } from './view.ts';

/** What differs per broker: the id its wire shows, and the balances as it shows them. */
const BROKERS = {
  alpaca: {
    idOf: activityId,
    balancesOf: (view: View): Record<string, string> => {
      const totals = totalsOf(view);
      return {
        cash: totals.cash.toString(),
        equity: shown(totals.equity),
        buyingPower: shown(totals.buyingPower),
      };
    },
  },
} as const;

const CASH_KINDS: ReadonlyMap<Entry['kind'], string> = new Map([
  ['funding', 'deposit'],
  ['deposit', 'deposit'],
  ['withdrawal', 'withdrawal'],
  ['dividend', 'dividend'],
  ['interest', 'interest'],
  ['fee', 'fee'],
  ['cash_in_lieu', 'cash_in_lieu'],
]);

/** Also the money leg of a merger: no premium that is carried from one option contract to another. */
function movesCash(entry: Entry): boolean {
  return CASH_KINDS.has(entry.kind) || entry.action?.leg === 'money';
}

/** The id of an entry as its broker's wire shows it. */
export function wireId(account: Account, entry: Entry): string {
  return BROKERS[account.broker].idOf(entry);
}

/**
 * Truth of one account. `positions` and cash are as of now, `fills`, `cash` and `activities` as far as the broker lists
 * them; a busted fill keeps its last good values. `fees` is null where the wire states none per fill (Alpaca).
 */
export function truthOf(ledger: Ledger, name: string, now: Instant): Record<string, unknown> {
  const view = viewOf(ledger, name, now);
  const { account } = view;
  const positions = [...view.standing.holdings.values()]
    .map(({ instrument, quantity }) => ({
      symbol: instrument.symbol,
      kind: instrument.kind,
      quantity: quantity.toString(),
    }))
    .sort((left, right) => (left.symbol < right.symbol ? -1 : 1));
  const listed = [...view.listed].sort((left, right) =>
    wireId(account, left) < wireId(account, right) ? -1 : 1,
  );
  return {
    account: account.name,
    brokerAccountId: account.id,
    positions,
    fills: listed.filter((entry) => entry.kind === 'fill').map((entry) => fillRecord(account, entry)),
    cash: listed.filter(movesCash).map((entry) => cashRecord(account, entry)),
    activities: listed
      .filter((entry) => entry.kind !== 'fill')
      .map((entry) => activityRecord(account, entry)),
    balances: BROKERS[account.broker].balancesOf(view),
    cashByCurrency: { USD: view.standing.cash.toString() },
  };
}

/** A record of what a control call made. */
export function createdRecord(account: Account, entry: Entry): Record<string, unknown> {
  const record = entry.kind === 'fill' ? fillRecord(account, entry) : activityRecord(account, entry);
  return { account: account.name, ...record, publishedAt: entry.publishedAt };
}

function fillRecord(account: Account, entry: Entry): Record<string, unknown> {
  const fill = entry.fill!;
  const order = account.orders.findLast((one) => one.id === fill.orderId);
  return {
    id: wireId(account, entry),
    symbol: entry.instrument!.symbol,
    side: fill.side,
    quantity: entry.quantity.abs().toString(),
    price: entry.price!.toString(),
    fees: null,
    executedAt: entry.at,
    status: entry.status,
    orderId: fill.orderId,
    clientRef: order?.clientOrderId ?? null,
  };
}

function cashRecord(account: Account, entry: Entry): Record<string, unknown> {
  return {
    id: wireId(account, entry),
    kind: CASH_KINDS.get(entry.kind) ?? entry.kind,
    amount: entry.amount.toString(),
    symbol: entry.instrument?.symbol ?? null,
    at: entry.at,
  };
}

function activityRecord(account: Account, entry: Entry): Record<string, unknown> {
  return {
    id: wireId(account, entry),
    kind: entry.kind,
    symbol: entry.instrument?.symbol ?? null,
    quantity: entry.quantity.toString(),
    price: entry.price?.toString() ?? null,
    amount: entry.amount.toString(),
    at: entry.at,
    status: entry.status,
  };
}

/** Money as the wire shows it: four decimals. */
function shown(value: Decimal): string {
  return value.round(4).toString();
}
