/**
 * What splits and renames do to one account. Their entries are worked out anew whenever earlier history changes (a
 * corrected fill, a late one), so the rows always remove exactly what was held; a row keeps its identity over that.
 */
import { Decimal, decimal } from '../domain/decimal.ts';
import { equity, isAdjustedRoot, option, parseOcc, printOcc, type Instrument } from '../domain/instrument.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { type AdjustedContract, type CorporateAction, type Entry } from './entries.ts';
import { applyTo, inOrder, type Holding } from './fold.ts';

/** Digits behind the point of a quantity: brokers keep nine. */
const QUANTITY_PLACES = 9;

export interface ActionContext {
  readonly now: Instant;
  readonly newUuid: () => string;
  /** Told of every contract that no longer delivers 100 shares. */
  readonly adjusted: (contract: AdjustedContract) => void;
  readonly contracts: ReadonlyMap<string, AdjustedContract>;
}

/** The account's entries with those of all corporate actions brought up to date. */
export function withActions(
  entries: readonly Entry[],
  actions: readonly CorporateAction[],
  context: ActionContext,
): readonly Entry[] {
  if (actions.length === 0) return entries;
  const known = new Map<string, Entry>();
  for (const entry of entries) if (entry.action !== null) known.set(keyOf(entry.action), entry);
  const plain = entries.filter((entry) => entry.action === null);
  const farFuture = '9999-01-01T00:00:00Z' as Instant;
  const ordered = inOrder(plain, farFuture);
  const holdings = new Map<string, Holding>();
  const made = new Map<string, Entry>();
  let next = 0;
  for (const action of actions) {
    for (; next < ordered.length && isBefore(ordered[next]!, action); next += 1)
      applyTo(holdings, ordered[next]!);
    for (const entry of legsOf(action, holdings, context)) {
      applyTo(holdings, entry);
      const before = known.get(keyOf(entry.action!));
      const kept =
        before === undefined
          ? entry
          : { ...entry, uuid: before.uuid, publishedAt: before.publishedAt, group: before.group };
      made.set(keyOf(entry.action!), kept);
    }
  }
  // A leg whose holding turned out not to exist is withdrawn, not deleted: it has been shown.
  for (const [key, entry] of known) if (!made.has(key)) made.set(key, { ...entry, status: 'bust' });
  return [...plain, ...made.values()];
}

function keyOf(action: NonNullable<Entry['action']>): string {
  return `${action.id} ${action.key} ${action.leg}`;
}

/** Whether an entry happened before a corporate action, which then applies to what it brought. */
export function isBefore(entry: Entry, action: CorporateAction): boolean {
  const order = compareInstants(entry.at, action.at);
  return order < 0 || (order === 0 && entry.serial < action.serial);
}

function legsOf(
  action: CorporateAction,
  holdings: ReadonlyMap<string, Holding>,
  context: ActionContext,
): Entry[] {
  const legs: Entry[] = [];
  for (const holding of holdings.values()) {
    const change = changeOf(action, holding, context);
    if (change === null) continue;
    const group = context.newUuid();
    const leg = (which: 'remove' | 'add' | 'cash', facts: Partial<Entry>): Entry => ({
      serial: action.serial,
      uuid: context.newUuid(),
      kind: action.kind,
      at: action.at,
      publishedAt: context.now,
      instrument: holding.instrument,
      quantity: Decimal.zero,
      price: null,
      amount: Decimal.zero,
      status: 'ok',
      group,
      fill: null,
      action: {
        id: action.id,
        leg: which,
        key: holding.instrument.id,
        forward: action.newShares.compare(action.oldShares) >= 0,
      },
      entitled: null,
      ...facts,
    });
    const { instrument, quantity, cash } = change;
    const carried = holding.quantity.times(holding.averagePrice);
    legs.push(leg('remove', { quantity: holding.quantity.negate(), price: holding.averagePrice }));
    if (!quantity.isZero())
      legs.push(leg('add', { instrument, quantity, price: carried.dividedBy(quantity, 8) }));
    if (cash !== null) legs.push(leg('cash', { kind: 'cash_in_lieu', instrument, amount: cash }));
  }
  return legs;
}

/** What a holding turns into; null where the action does not touch it. */
function changeOf(
  action: CorporateAction,
  holding: Holding,
  context: ActionContext,
): { instrument: Instrument; quantity: Decimal; cash: Decimal | null } | null {
  const { instrument } = holding;
  if (instrument.kind === 'equity' && instrument.symbol === action.symbol) {
    const exact = holding.quantity.times(action.newShares).dividedBy(action.oldShares, QUANTITY_PLACES);
    const whole = exact.round(0, 'down');
    const pays = action.cashInLieu !== null && !exact.equals(whole);
    const cash = pays ? (exact.sign() < 0 ? action.cashInLieu!.negate() : action.cashInLieu!) : null;
    return { instrument: equity(action.to), quantity: pays ? whole : exact, cash };
  }
  if (instrument.option === null || underlyingOf(instrument, context.contracts) !== action.symbol)
    return null;
  return action.kind === 'rename' ? renamedOption(action, holding) : splitOption(action, holding, context);
}

function renamedOption(action: CorporateAction, holding: Holding): ReturnType<typeof changeOf> {
  const occ = parseOcc(holding.instrument.symbol)!;
  if (occ.root !== action.symbol) return null; // an adjusted root keeps its own name
  return {
    instrument: option(printOcc({ ...occ, root: action.to })),
    quantity: holding.quantity,
    cash: null,
  };
}

/**
 * A whole split multiplies contracts and divides the strike; any other keeps both and changes what one contract
 * delivers, under a root that ends in a digit. Source: OCC adjustment rules (Options Disclosure Document).
 */
function splitOption(
  action: CorporateAction,
  holding: Holding,
  context: ActionContext,
): ReturnType<typeof changeOf> {
  const occ = parseOcc(holding.instrument.symbol)!;
  const ratio = action.newShares.dividedBy(action.oldShares, QUANTITY_PLACES);
  const strike = occ.strike.times(action.oldShares).dividedBy(action.newShares, 6);
  const fits =
    strike.round(3).equals(strike) && ratio.round(0, 'down').equals(ratio) && !isAdjustedRoot(occ.root);
  if (fits) {
    return {
      instrument: option(printOcc({ ...occ, strike })),
      quantity: holding.quantity.times(ratio),
      cash: null,
    };
  }
  const digit = /\d$/.exec(occ.root) === null ? 1 : Number.parseInt(occ.root.slice(-1), 10) + 1;
  const root = `${occ.root.replace(/\d$/, '').slice(0, 5)}${digit % 10}`;
  const symbol = printOcc({ ...occ, root });
  const shares = sharesOf(holding.instrument, context.contracts)
    .times(action.newShares)
    .dividedBy(action.oldShares, 6);
  context.adjusted({ symbol, underlying: action.to, shares });
  return { instrument: option(symbol, { underlying: action.to }), quantity: holding.quantity, cash: null };
}

/** The shares that one contract stands for. */
export function sharesOf(instrument: Instrument, contracts: ReadonlyMap<string, AdjustedContract>): Decimal {
  return contracts.get(instrument.symbol)?.shares ?? decimal('100');
}

export function underlyingOf(
  instrument: Instrument,
  contracts: ReadonlyMap<string, AdjustedContract>,
): string {
  return contracts.get(instrument.symbol)?.underlying ?? instrument.option!.underlying;
}
